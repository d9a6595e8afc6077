"""The route that monitoring systems read."""

from typing import Any

from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route


def metrics(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """Read metrics of the whole system, as Prometheus takes them.

    They come from the database and the queues, so that every instance tells the same. A part that does not
    answer is left out, and ``geojobs_up`` says so.
    """
    # only where it is asked for: an app that nobody watches does not load the library
    from triggers.prometheus import MEDIA_TYPE, rendered  # noqa: PLC0415

    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    return Response(200, rendered(app.measuring()), headers)


METRICS_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "metrics",
        "GET",
        "metrics",
        Access.READ,
        metrics,
        {200: Answer("The metrics.", media_type="text/plain", headers=("Cache-Control",))},
        "operations",
    ),
)
