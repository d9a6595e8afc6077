"""Routes that follow a job to its end: what happened to it, and what came of it."""

from typing import Annotated, Any

from pydantic import Field

from interfaces.trail import EventFilter
from schema.identity import checked_job_id
from schema.trail import Entity, EventPage
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.query import MORE, Query, WholeNumber
from triggers.ranges import byte_range

_LARGEST_ID = 2**63 - 1
_MOST_RUNS = 2**31 - 1


class EventsQuery(Query):
    limit: Annotated[int, WholeNumber(1, 1_000)] = Field(100, description="most events on a page")
    cursor: Annotated[int, WholeNumber(0, _LARGEST_ID)] = Field(
        0, description=f"{MORE}, or the id of any event: those behind it are shown"
    )
    run: Annotated[int, WholeNumber(1, _MOST_RUNS)] | None = Field(None, description="only of this run")
    entity: Entity | None = Field(None, description="only what is about this")


def job_events(app: Application, request: Request[EventsQuery]) -> Response:
    """Read what happened to a job, oldest first.

    Each transition of the job, its stages and its tasks, with who made it and why. A job's trail goes on
    while it runs: ask again with ``next_cursor`` until ``complete``. Of transitions made at the same
    moment one may become visible a little after another with a higher id; to miss none while the job runs,
    go back to the id of an event some seconds old, and pass over the ids that are known.
    """
    asked = request.query
    job_id = checked_job_id(request.route["job_id"])
    wanted = EventFilter(job_id, asked.limit, after=asked.cursor, run=asked.run, entity=asked.entity)
    return Response(200, app.events.page(wanted))


def job_result(app: Application, request: Request) -> Response:
    """Read the final result of a completed job.

    409 with ``RESULT_NOT_READY`` while it is not final, and with ``JOB_HAS_NO_RESULT`` where it failed or
    was cancelled. The status shows a small result too; this route has every one.

    An answer has at most 64 MB: 413 with ``RESULT_TOO_LARGE`` where the result is larger. With the header
    ``Range`` it comes in parts, each 206: where one answer cannot have all the bytes asked for, it has the
    first of them, and ``Content-Range`` says which. 503 with ``BUSY`` while others read large results.
    """
    found = app.results.find(checked_job_id(request.route["job_id"]))
    etag = f'"{found.digest}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Accept-Ranges": "bytes"}
    if found.digest in request.headers.get("if-none-match", ""):
        return Response(304, None, headers)
    wanted = request.headers.get("range") if request.headers.get("if-range", etag) == etag else None
    size = app.results.size(found) if wanted else 0
    part = byte_range(wanted, size) if wanted else None
    if part is None:
        return Response(200, app.results.whole(found), headers)
    content = app.results.part(found, part.first, part.length)
    headers["Content-Range"] = f"bytes {part.first}-{part.first + len(content) - 1}/{size}"
    return Response(206, content, headers)


_TAG = "jobs"
_KEPT = ("ETag", "Cache-Control", "Accept-Ranges")

FOLLOWING_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "job_events",
        "GET",
        "jobs/{job_id}/events",
        Access.READ,
        job_events,
        {200: Answer("A page of events.", EventPage)},
        _TAG,
        EventsQuery,
        problems=(404,),
    ),
    Route(
        "job_result",
        "GET",
        "jobs/{job_id}/result",
        Access.READ,
        job_result,
        {
            200: Answer("The result, as the job type makes it.", headers=_KEPT),
            206: Answer("A part of it.", headers=(*_KEPT, "Content-Range")),
            304: Answer("As it was.", headers=_KEPT),
        },
        _TAG,
        problems=(404, 409, 413, 416),
    ),
)
