"""Callbacks in memory, as ``app.subscribe`` and ``callbacks.sql`` have them; and a sender of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from interfaces.callbacks import SendOutcome, Sent
from schema.callbacks import (
    MAX_CALLBACKS,
    CallbackBacklog,
    CallbackRecord,
    CallbackState,
    NewCallback,
    Subscription,
)
from schema.errors import TooManyCallbacksError
from schema.records import NewJob
from tests.fakes.callback_states import state_at
from tests.fakes.database import CLAIM, FakeDatabase
from tests.fakes.rows import CallbackRow


class FakeCallbackRepository:
    """Implements ``interfaces.callbacks.CallbackRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def claim(self, limit: int) -> Sequence[CallbackRecord]:
        with self._database.transaction() as tables:
            now = self._database.now
            due = [
                row
                for row in tables.callbacks.values()
                if row.state is CallbackState.DUE
                and row.not_before <= now
                and (row.claimed_until is None or row.claimed_until < now)
            ]
            due = sorted(due, key=lambda row: (row.not_before, row.callback_id))[:limit]
            for row in due:
                tables.callbacks[row.callback_id] = replace(row, claimed_until=now + CLAIM)
            return [self._record(tables.callbacks[row.callback_id]) for row in due]

    def delivered(self, callback: CallbackRecord) -> None:
        now = self._database.now
        self._settle(
            callback,
            (CallbackState.DUE, CallbackState.VOID),
            state=CallbackState.DELIVERED,
            attempt=callback.attempt + 1,
            delivered_at=now,
            last_error=None,
        )

    def not_delivered(self, callback: CallbackRecord, error: str, delay: timedelta | None) -> None:
        now = self._database.now
        self._settle(
            callback,
            state=CallbackState.FAILED if delay is None else CallbackState.DUE,
            attempt=callback.attempt + 1,
            last_error=error,
            not_before=now + (delay or timedelta()),
            failed_at=now if delay is None else None,
        )

    def postponed(self, callback: CallbackRecord, reason: str, delay: timedelta | None) -> None:
        now = self._database.now
        self._settle(
            callback,
            state=CallbackState.FAILED if delay is None else CallbackState.DUE,
            last_error=reason,
            not_before=now + (delay or timedelta()),
            failed_at=now if delay is None else None,
        )

    def backlog(self) -> CallbackBacklog:
        with self._database.transaction() as tables:
            rows = list(tables.callbacks.values())
            due = [row.due_since for row in rows if row.state is CallbackState.DUE]
            failed = sum(row.state is CallbackState.FAILED for row in rows)
            return CallbackBacklog(len(due), min(due, default=None), failed)

    def _settle(
        self,
        callback: CallbackRecord,
        states: Sequence[CallbackState] = (CallbackState.DUE,),
        **changes: Any,
    ) -> None:
        with self._database.transaction() as tables:
            row = tables.callbacks[callback.callback_id]
            if row.state in states and row.claimed_until == callback.claimed_until:
                tables.callbacks[row.callback_id] = replace(row, claimed_until=None, **changes)

    def _record(self, row: CallbackRow) -> CallbackRecord:
        job = self._database.tables.jobs[row.job_id]
        return CallbackRecord.model_validate(
            {**vars(row), "job_type": job.job_type, "job_created_at": job.created_at}
        )


def subscribe(database: FakeDatabase, job: NewJob, subscription: Subscription) -> None:
    """``app.subscribe``, in the caller's transaction."""
    for callback in subscription.callbacks:
        _subscribe(database, job, callback, subscription.base_url)
    runs = Counter((row.job_id, row.run) for row in database.tables.callbacks.values())
    if max(runs.values(), default=0) > MAX_CALLBACKS:
        raise TooManyCallbacksError


def _subscribe(database: FakeDatabase, job: NewJob, callback: NewCallback, base_url: str) -> None:
    rows, row, now = database.tables.callbacks, database.tables.jobs[job.job_id], database.now
    key = (row.job_id, row.run, callback.url, callback.notify, callback.wanted)
    present = next((r for r in rows.values() if (r.job_id, r.run, r.url, r.notify, r.wanted) == key), None)
    if present is None:
        callback_id = database.next_callback_id()
        rows[callback_id] = CallbackRow(
            callback_id=callback_id,
            job_id=row.job_id,
            run=row.run,
            url=callback.url,
            notify=callback.notify,
            form=callback.form,
            state=state_at(callback.notify, row.status),
            message_id=uuid4(),
            status=row.status,
            happened_at=row.finished_at or row.started_at or row.created_at,
            due_since=now,
            error=row.error,
            not_before=now,
            correlation_id=job.correlation_id,
            base_url=base_url,
            wanted=callback.wanted,
        )
    elif present.state is CallbackState.FAILED:
        rows[present.callback_id] = replace(
            present,
            state=CallbackState.DUE,
            message_id=uuid4(),
            attempt=0,
            not_before=now,
            due_since=now,
            claimed_until=None,
            last_error=None,
            delivered_at=None,
            failed_at=None,
        )


@dataclass
class FakeSender:
    """Implements ``interfaces.callbacks.CallbackSender``: takes all that it has no other answer for.
    ``holding`` is what holds all calls up."""

    answers: list[Sent] = field(default_factory=list)
    holding: Sent | None = None
    received: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def held_up(self, url: str) -> Sent | None:  # noqa: ARG002 -- all alike
        return self.holding

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Sent:
        self.received.append((url, body, headers))
        return self.answers.pop(0) if self.answers else Sent(SendOutcome.TAKEN)
