"""Routes that say how the app is."""

from schema.api import HealthState
from triggers import query
from triggers.application import Application
from triggers.http import Access, Request, Response, Route

_NEVER_STORED = {"Cache-Control": "no-store"}


def health(app: Application, request: Request) -> Response:
    """200 while the app can work, even if something needs attention; 503 where it cannot."""
    query.refuse_unknown(request.query)
    found = app.health()
    return Response(503 if found.status is HealthState.UNHEALTHY else 200, found, _NEVER_STORED)


def live(app: Application, request: Request) -> Response:  # noqa: ARG001 -- touches nothing of the app
    """That this process answers at all."""
    query.refuse_unknown(request.query)
    return Response(200, {"status": "live"}, _NEVER_STORED)


HEALTH_ROUTES: tuple[Route[Application], ...] = (
    Route("health", "GET", "health", Access.USE, health),
    Route("health_live", "GET", "health/live", Access.OPEN, live),
)
