"""Routes under ``/monitor``: the messages nobody could use."""

from typing import Annotated, Any

from pydantic import Field

from schema.api import PoisonDisposed, PoisonList, PoisonProcessed, PoisonReplayed
from schema.errors import FieldError, InvalidParametersError
from schema.queues import POISON_SUFFIX
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.query import CURSOR_SCHEMA, MORE, OPAQUE, Query, WholeNumber, cursor_of

_LARGEST = 2**63 - 1
_MOST_DIGITS = len(str(_LARGEST))


class PoisonQuery(Query):
    limit: Annotated[int, WholeNumber(1, 1_000)] = Field(50, description="most dead letters on a page")
    cursor: (
        Annotated[tuple[Annotated[int, Field(strict=True, ge=0, le=_LARGEST)]], OPAQUE, CURSOR_SCHEMA] | None
    ) = Field(None, description=MORE)


def list_poison(app: Application, request: Request[PoisonQuery]) -> Response:
    """Show the depth of both poison queues, and the dead letters, newest first."""
    limit, cursor = request.query.limit, request.query.cursor
    letters = app.poison_desk.list(limit, cursor[0] if cursor else None)
    depths = {
        depth.queue: depth.approximate_messages
        for depth in app.queue.depths()
        if depth.queue.endswith(POISON_SUFFIX)
    }
    more = cursor_of(letters[-1].dead_letter_id) if len(letters) == limit else None
    return Response(200, PoisonList(queues=depths, dead_letters=[*letters], next_cursor=more))


def process_poison(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """Judge what is in the poison queues now."""
    counts = app.poison_desk.process()
    verdicts = {verdict.value: count for verdict, count in counts.items()}
    return Response(200, PoisonProcessed(processed=sum(verdicts.values()), verdicts=verdicts))


def replay_poison(app: Application, request: Request) -> Response:
    """Send a message back to its queue."""
    number = _number(request)
    message = app.poison_desk.replay(number)
    return Response(202, PoisonReplayed(dead_letter_id=number, message=message.model_dump(mode="json")))


def dispose_poison(app: Application, request: Request) -> Response:
    """Mark a message as done with; its record stays."""
    number = _number(request)
    app.poison_desk.dispose(number)
    return Response(200, PoisonDisposed(dead_letter_id=number, disposed=True))


def _number(request: Request) -> int:
    text = request.route["dead_letter_id"]
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) <= _LARGEST:
        return int(text)
    raise InvalidParametersError(
        "the path is not valid", [FieldError("/dead_letter_id", "must be a whole number")]
    )


_TAG = "operations"

MONITOR_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "list_poison",
        "GET",
        "monitor/poison",
        Access.READ,
        list_poison,
        {200: Answer("A page.", PoisonList)},
        _TAG,
        PoisonQuery,
    ),
    Route(
        "process_poison",
        "POST",
        "monitor/poison",
        Access.ADMIN,
        process_poison,
        {200: Answer("How many messages got which verdict.", PoisonProcessed)},
        _TAG,
    ),
    Route(
        "replay_poison",
        "POST",
        "monitor/poison/{dead_letter_id}/replay",
        Access.ADMIN,
        replay_poison,
        {202: Answer("What was sent.", PoisonReplayed)},
        _TAG,
        problems=(404, 409),
    ),
    Route(
        "dispose_poison",
        "DELETE",
        "monitor/poison/{dead_letter_id}",
        Access.ADMIN,
        dispose_poison,
        {200: Answer("It is.", PoisonDisposed)},
        _TAG,
        problems=(404,),
    ),
)
