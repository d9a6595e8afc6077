"""Routes under ``/monitor``: the messages nobody could use."""

from schema.api import PoisonItem, PoisonList, PoisonProcessed, PoisonReplayed
from schema.errors import FieldError, InvalidParametersError
from schema.queues import POISON_SUFFIX
from triggers import query
from triggers.application import Application
from triggers.http import Access, Request, Response, Route

_LARGEST = 2**63 - 1


def list_poison(app: Application, request: Request) -> Response:
    """Depth of both poison queues, and the dead letters, newest first."""
    query.refuse_unknown(request.query, "limit", "cursor")
    limit = query.integer(request.query, "limit", 50, 1, 1_000)
    parts = query.cursor(request.query, "cursor", int)
    before = int(str(parts[0])) if parts else None
    letters = app.poison_desk.list(limit, before)
    depths = {
        depth.queue: depth.approximate_messages
        for depth in app.queue.depths()
        if depth.queue.endswith(POISON_SUFFIX)
    }
    more = query.cursor_of(letters[-1].dead_letter_id) if len(letters) == limit else None
    items = [PoisonItem.model_validate(letter.model_dump()) for letter in letters]
    return Response(200, PoisonList(queues=depths, dead_letters=items, next_cursor=more))


def process_poison(app: Application, request: Request) -> Response:
    """Judge what is in the poison queues now."""
    query.refuse_unknown(request.query)
    counts = app.poison_desk.process()
    verdicts = {verdict.value: count for verdict, count in counts.items()}
    return Response(200, PoisonProcessed(processed=sum(verdicts.values()), verdicts=verdicts))


def replay_poison(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    number = _number(request)
    message = app.poison_desk.replay(number)
    return Response(202, PoisonReplayed(dead_letter_id=number, message=message.model_dump(mode="json")))


def dispose_poison(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    number = _number(request)
    app.poison_desk.dispose(number)
    return Response(200, {"dead_letter_id": number, "disposed": True})


def _number(request: Request) -> int:
    text = request.route["dead_letter_id"]
    if text.isascii() and text.isdigit() and int(text[:20]) <= _LARGEST:
        return int(text)
    raise InvalidParametersError(
        "the path is not valid", [FieldError("/dead_letter_id", "must be a whole number")]
    )


MONITOR_ROUTES: tuple[Route[Application], ...] = (
    Route("list_poison", "GET", "monitor/poison", Access.USE, list_poison),
    Route("process_poison", "POST", "monitor/poison", Access.ADMIN, process_poison),
    Route("replay_poison", "POST", "monitor/poison/{dead_letter_id}/replay", Access.ADMIN, replay_poison),
    Route("dispose_poison", "DELETE", "monitor/poison/{dead_letter_id}", Access.ADMIN, dispose_poison),
)
