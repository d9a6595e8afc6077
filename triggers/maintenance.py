"""Routes and timers that keep the database small."""

from dataclasses import asdict

from schema.api import CleanupView
from triggers import query
from triggers.application import Application
from triggers.http import Access, Request, Response, Route


def cleanup(app: Application, request: Request) -> Response:
    """Remove what is past its time; with ``dry_run=true`` only count it."""
    query.refuse_unknown(request.query, "dry_run")
    report = app.retention.preview() if query.flag(request.query, "dry_run") else app.retention()
    return Response(200, CleanupView.model_validate(asdict(report)))


MAINTENANCE_ROUTES: tuple[Route[Application], ...] = (
    Route("cleanup", "POST", "db/maintenance/cleanup", Access.ADMIN, cleanup),
)
