"""The queue boundary: extract, parse, hand over; what cannot be used is put on record first."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from interfaces.log_ids import log_ids
from interfaces.repositories import DeadLetterRepository
from interfaces.tracing import trace_id_of
from orchestration.salvage import salvaged_ids
from schema.errors import (
    DatabaseUnavailableError,
    GeojobsError,
    MessageError,
    MessageExtractionError,
    MessageParsingError,
    ServiceUnavailableError,
)
from schema.json_types import storable_text
from schema.messages import QueueMessage
from schema.records import DeadLetter

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=QueueMessage)

_MAX_BYTES = 64 * 1024
_LOGGED_CHARACTERS = 500
_STORED_CHARACTERS = 1_000


@dataclass(frozen=True)
class Delivery:
    """A message as the host delivers it."""

    queue: str
    message_id: str
    body: bytes
    dequeue_count: int


class MessageIntake:
    """Each step has its own error; what cannot be used is recorded, logged, and left to the host's
    redelivery, which ends in the poison queue after ``max_dequeue_count`` deliveries.

    A server that is away is nobody's poison: at the last delivery the message is let go instead, because it
    was only a hint, and the sweep sends another for what still waits.
    """

    def __init__(self, dead_letters: DeadLetterRepository, max_dequeue_count: int = 5) -> None:
        self._dead_letters = dead_letters
        self._max_dequeue_count = max_dequeue_count

    def process(self, delivery: Delivery, model: type[M], handle: Callable[[M], None]) -> None:
        """Raises ``MessageExtractionError``, ``MessageParsingError``, ``MessageLookupError``, or whatever
        the processing raises."""
        try:
            message = parse(extract(delivery.body), model)
        except MessageError as exc:
            self._put_on_record(delivery, exc.code, exc)
            raise
        trace_id = trace_id_of(message.traceparent) if message.traceparent else None
        with log_ids(**message.ids(), trace_id=trace_id):
            self._hand_over(delivery, message, handle)

    def _hand_over(self, delivery: Delivery, message: M, handle: Callable[[M], None]) -> None:
        last = delivery.dequeue_count >= self._max_dequeue_count
        try:
            handle(message)
        except MessageError as exc:
            self._put_on_record(delivery, exc.code, exc)
            raise
        except ServiceUnavailableError:
            if not last:
                raise
            _log.warning("message was let go while a server is away", extra=_facts(delivery), exc_info=True)
        except Exception as exc:
            if last:
                self._put_on_record(delivery, "MESSAGE_NOT_PROCESSED", exc)
            raise

    def _put_on_record(self, delivery: Delivery, code: str, error: Exception) -> None:
        own = str(error) if isinstance(error, GeojobsError) else f"unexpected {type(error).__name__}"
        letter = dead_letter(delivery, code, own)
        facts = {**_facts(delivery), "error_code": code, "task_id": letter.task_id, "job_id": letter.job_id}
        body = letter.body[:_LOGGED_CHARACTERS]
        _log.error("message could not be used", extra={**facts, "body": body}, exc_info=error)
        try:
            self._dead_letters.record(letter)
        except DatabaseUnavailableError:
            _log.exception("message could not be put on record", extra=facts)


def dead_letter(delivery: Delivery, code: str, error: str) -> DeadLetter:
    """The message as it is put on record, with the ids that it names."""
    text = _printable(delivery.body)
    ids = salvaged_ids(text)
    return DeadLetter(
        queue=delivery.queue,
        message_id=delivery.message_id,
        body=text[:_STORED_CHARACTERS],
        size=len(delivery.body),
        dequeue_count=delivery.dequeue_count,
        error_code=code,
        error=storable_text(error, _STORED_CHARACTERS),
        job_id=ids.job_id,
        task_id=ids.task_id,
        correlation_id=ids.correlation_id,
        digest=hashlib.sha256(delivery.body).hexdigest(),
    )


def _facts(delivery: Delivery) -> dict[str, object]:
    return {
        "queue": delivery.queue,
        "message_id": delivery.message_id,
        "dequeue_count": delivery.dequeue_count,
        "size": len(delivery.body),
        "correlation_id": salvaged_ids(_printable(delivery.body)).correlation_id,
    }


def extract(body: bytes) -> str:
    """The message's text; raises ``MessageExtractionError``."""
    if not body.strip():
        raise MessageExtractionError("the message is empty")
    if len(body) > _MAX_BYTES:
        raise MessageExtractionError(f"the message has {len(body)} bytes, more than a queue carries")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise MessageExtractionError(f"the message is not UTF-8 text: {exc.reason}") from exc


def parse(text: str, model: type[M]) -> M:
    """The message; raises ``MessageParsingError`` that names the fields that are wrong."""
    try:
        return model.model_validate_json(text)
    except ValidationError as exc:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in error['loc']) or 'message'}: {error['msg']}"
            for error in exc.errors(include_input=False, include_url=False, include_context=False)
        )
        raise MessageParsingError(f"not a {model.__name__}: {wrong}") from exc


def _printable(body: bytes) -> str:
    """Text that a log and a text column take, whatever the bytes were."""
    return body.decode("utf-8", errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
