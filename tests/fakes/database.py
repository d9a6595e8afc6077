"""The ``app`` schema in memory: tables, transactions, and the law of ``schema.states`` over both."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from schema.errors import DatabaseUnavailableError
from schema.json_types import JSONObject, is_storable
from schema.records import OutboxKind, OutboxRecord
from schema.states import JobStatus, StageStatus, TaskStatus, is_allowed
from tests.fakes.callback_states import notify_callbacks
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faults, Moment
from tests.fakes.rows import (
    CallbackRow,
    DeadLetterRow,
    Event,
    JobRow,
    OutboxRow,
    StageKey,
    StageRow,
    SweepRow,
    TaskRow,
)

CLAIM = timedelta(minutes=1)


@dataclass
class Tables:
    """Rows are frozen, so that a copy of the tables is a snapshot."""

    jobs: dict[str, JobRow] = field(default_factory=dict)
    stages: dict[StageKey, StageRow] = field(default_factory=dict)
    tasks: dict[str, TaskRow] = field(default_factory=dict)
    outbox: dict[int, OutboxRow] = field(default_factory=dict)
    dead_letters: dict[tuple[str, str], DeadLetterRow] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    sweeps: list[SweepRow] = field(default_factory=list)
    callbacks: dict[int, CallbackRow] = field(default_factory=dict)

    def copy(self) -> "Tables":
        return Tables(
            dict(self.jobs),
            dict(self.stages),
            dict(self.tasks),
            dict(self.outbox),
            dict(self.dead_letters),
            list(self.events),
            list(self.sweeps),
            dict(self.callbacks),
        )


class FakeDatabase:
    """One lock: transactions happen one after another. ``away`` makes every one of them fail."""

    def __init__(self, clock: FakeClock, faults: Faults | None = None) -> None:
        self.clock = clock
        self.faults = faults or Faults()
        self.away = False
        self.tables = Tables()
        self._lock = threading.RLock()
        self._outbox_ids = count(1)
        self._dead_letter_ids = count(1)
        self._callback_ids = count(1)

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        """The tables to read and write; all as before where the block raises."""
        self.faults.reach(Moment.BEGIN)
        with self._lock:
            if self.away:
                raise DatabaseUnavailableError("the database is away")
            before = self.tables.copy()
            try:
                yield self.tables
                self.faults.reach(Moment.COMMIT)
            except BaseException:
                self.tables = before
                raise
        self.faults.reach(Moment.COMMITTED)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def move_job(self, row: JobRow, event: str, to: JobStatus, **changes: Any) -> JobRow:
        moved = replace(row, status=to, **changes)
        self._record("job", row.job_id, row.status, event, to)
        self.tables.jobs[row.job_id] = moved
        if row.status is not to:
            notify_callbacks(self.tables, moved, event, self.now)
        return moved

    def move_stage(self, row: StageRow, event: str, to: StageStatus, **changes: Any) -> StageRow:
        moved = replace(row, status=to, **changes)
        self._record("stage", stage_subject(row.key), row.status, event, to)
        self.tables.stages[row.key] = moved
        return moved

    def move_task(self, row: TaskRow, event: str, to: TaskStatus, **changes: Any) -> TaskRow:
        moved = replace(row, status=to, **changes)
        if (to is TaskStatus.PROCESSING) != (moved.lease_token is not None):
            raise AssertionError(f"task {row.task_id}: a lease token belongs to processing, and only there")
        if to is TaskStatus.PROCESSING and self.is_held(row.resource):
            raise AssertionError(f"task {row.task_id}: its resource is held by another")
        self._record("task", row.task_id, row.status, event, to)
        self.tables.tasks[row.task_id] = moved
        return moved

    def is_held(self, resource: str | None) -> bool:
        """Whether a task that is processing holds the resource."""
        holders = (task for task in self.tables.tasks.values() if task.status is TaskStatus.PROCESSING)
        return resource is not None and any(task.resource == resource for task in holders)

    def next_callback_id(self) -> int:
        return next(self._callback_ids)

    def next_dead_letter_id(self) -> int:
        return next(self._dead_letter_ids)

    def enqueue_job(self, key: StageKey, *, claimed: bool) -> OutboxRow:
        """The message "look at this stage"."""
        job = self.tables.jobs[key[0]]
        return self._enqueue(OutboxKind.JOB, job, key, available_at=self.now, claimed=claimed)

    def enqueue_task(self, task: TaskRow, *, claimed: bool) -> OutboxRow:
        """The message "the next attempt of this task may be claimed"."""
        return self._enqueue(
            OutboxKind.TASK,
            self.tables.jobs[task.job_id],
            task.stage_key,
            available_at=task.not_before,
            claimed=claimed,
            task_id=task.task_id,
            attempt=task.attempt + 1,
        )

    def outbox_record(self, row: OutboxRow) -> OutboxRecord:
        delay = max(0.0, (row.available_at - self.now).total_seconds())
        return OutboxRecord.model_validate({**vars(row), "delay_seconds": delay})

    def _enqueue(
        self,
        kind: OutboxKind,
        job: JobRow,
        key: StageKey,
        *,
        available_at: datetime,
        claimed: bool,
        task_id: str | None = None,
        attempt: int | None = None,
    ) -> OutboxRow:
        row = OutboxRow(
            outbox_id=next(self._outbox_ids),
            kind=kind,
            job_id=job.job_id,
            run=key[1],
            stage=key[2],
            correlation_id=job.correlation_id,
            traceparent=job.traceparent,
            priority=job.priority,
            available_at=available_at,
            claimed_until=self.now + CLAIM if claimed else None,
            task_id=task_id,
            attempt=attempt,
        )
        self.tables.outbox[row.outbox_id] = row
        return row

    def _record(self, entity: str, subject: str, before: str, event: str, after: str) -> None:
        if before == after:
            return
        if not is_allowed(entity, before, event, after):
            raise AssertionError(f"{entity} {subject}: {before} -> {after} by {event} is not allowed")
        self.tables.events.append(Event(entity, subject, str(before), event, str(after)))


def stage_subject(key: StageKey) -> str:
    """How events name a stage."""
    return f"{key[0]}:{key[1]}:{key[2]}"


def stored(value: JSONObject | BaseModel | None) -> Any:
    """The value as a JSON column gives it back."""
    if value is None:
        return None
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    if not is_storable(value):
        raise AssertionError("a JSON column does not take this value")
    return from_json(to_json(value))
