"""Routes that say how the app is."""

from typing import Any

from schema.api import Health, HealthState, Liveness
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route

_NEVER_STORED = {"Cache-Control": "no-store"}


def health(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """Look at every part of the system.

    200 while the app can work, even if something needs attention; 503 where it cannot.
    """
    found = app.health()
    return Response(503 if found.status is HealthState.UNHEALTHY else 200, found, _NEVER_STORED)


def live(app: Application, request: Request) -> Response:  # noqa: ARG001 -- touches nothing
    """Tell that this process answers at all."""
    return Response(200, Liveness(status="live"), _NEVER_STORED)


_TAG = "operations"

HEALTH_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "health",
        "GET",
        "health",
        Access.READ,
        health,
        {200: Answer("Healthy or degraded.", Health), 503: Answer("Unhealthy.", Health)},
        _TAG,
    ),
    Route("health_live", "GET", "health/live", Access.OPEN, live, {200: Answer("It does.", Liveness)}, _TAG),
)
