"""Routes that keep the database small."""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from schema.api import CleanupView
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.query import Flag, Query


class CleanupQuery(Query):
    dry_run: Flag = Field(False, description="only count")


def cleanup(app: Application, request: Request[CleanupQuery]) -> Response:
    """Remove what is past its time."""
    report = app.retention.preview() if request.query.dry_run else app.retention()
    return Response(200, CleanupView.model_validate(asdict(report)))


MAINTENANCE_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "cleanup",
        "POST",
        "db/maintenance/cleanup",
        Access.ADMIN,
        cleanup,
        {200: Answer("What was removed, or would be.", CleanupView)},
        "database",
        CleanupQuery,
    ),
)
