"""Sends what the outbox says must be sent, and forgets what was sent."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pydantic import ValidationError

from interfaces.queues import QueueRepository
from interfaces.repositories import OutboxRepository
from interfaces.tracing import NO_TRACER, Tracer, parent_for
from schema.errors import DatabaseUnavailableError, GeojobsError
from schema.messages import JobQueueMessage, QueueMessage, TaskQueueMessage
from schema.records import OutboxKind, OutboxRecord

_log = logging.getLogger(__name__)

_PAGE = 256
_MAX_SENT_SECONDS = 0.5


class OutboxRelay:
    """No transaction is held while a message travels: rows are claimed, sent, then deleted.

    Rows that cannot be sent stay; they are taken up again when their claim has run out. Sent rows are
    deleted in batches (``batch`` rows or half a second), which is safe because a row that is sent twice
    does nothing the second time. A message carries the span it is sent from where that is of its own trace.
    """

    def __init__(
        self,
        outbox: OutboxRepository,
        queue: QueueRepository,
        concurrency: int = 16,
        batch: int = 64,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._outbox = outbox
        self._queue = queue
        self._batch = batch
        self._tracer = tracer
        self._senders = ThreadPoolExecutor(concurrency, thread_name_prefix="relay")
        self._lock = threading.Lock()
        self._sent: list[int] = []
        self._timer: threading.Timer | None = None
        self._closed = False

    def dispatch(self, rows: Sequence[OutboxRecord]) -> int:
        """Send rows that are claimed for this caller; returns how many were sent. Never raises."""
        if self._closed:
            return 0
        send = partial(self._send, span=self._tracer.traceparent())
        if len(rows) <= 1:
            sent = [row.outbox_id for row in rows if send(row)]
        else:
            results = list(self._senders.map(send, rows))
            sent = [row.outbox_id for row, done in zip(rows, results, strict=True) if done]
        self._forget(sent)
        return len(sent)

    def drain(self) -> int:
        """Send everything nobody else is sending; stops early where nothing can be sent."""
        total = 0
        while rows := self._outbox.claim(_PAGE):
            sent = self.dispatch(rows)
            self.flush()
            total += sent
            if sent < len(rows):
                break
        return total

    def flush(self) -> None:
        """Delete the rows that were sent. Where the database is away they stay, and are sent again."""
        with self._lock:
            sent, self._sent = self._sent, []
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        if not sent:
            return
        try:
            self._outbox.delete(sent)
        except DatabaseUnavailableError:
            _log.warning("sent messages could not be forgotten", extra={"messages": len(sent)}, exc_info=True)

    def close(self) -> None:
        """Send nothing more: what comes now stays in the outbox."""
        self._closed = True
        self._senders.shutdown(wait=True)
        self.flush()

    def _forget(self, outbox_ids: Sequence[int]) -> None:
        if not outbox_ids:
            return
        with self._lock:
            self._sent.extend(outbox_ids)
            full = len(self._sent) >= self._batch
            if not full and self._timer is None:
                self._timer = threading.Timer(_MAX_SENT_SECONDS, self.flush)
                self._timer.daemon = True
                self._timer.start()
        if full:
            self.flush()

    def _send(self, row: OutboxRecord, span: str | None) -> bool:
        try:
            self._queue.send(message_of(row, span), row.delay_seconds)
        except (GeojobsError, ValidationError):
            _log.warning(
                "a message could not be sent and stays in the outbox",
                extra={
                    "outbox_id": row.outbox_id,
                    "job_id": row.job_id,
                    "task_id": row.task_id,
                    "correlation_id": row.correlation_id,
                },
                exc_info=True,
            )
            return False
        return True


def message_of(row: OutboxRecord, span: str | None = None) -> QueueMessage:
    """The message that an outbox row stands for, sent from this span; pydantic's ``ValidationError`` where it
    is none."""
    traceparent = parent_for(row.traceparent, span)
    if row.kind is OutboxKind.JOB or row.task_id is None or row.attempt is None:
        return JobQueueMessage(
            job_id=row.job_id,
            run=row.run,
            stage=row.stage,
            correlation_id=row.correlation_id,
            traceparent=traceparent,
        )
    return TaskQueueMessage(
        job_id=row.job_id,
        run=row.run,
        stage=row.stage,
        correlation_id=row.correlation_id,
        traceparent=traceparent,
        task_id=row.task_id,
        attempt=row.attempt,
    )
