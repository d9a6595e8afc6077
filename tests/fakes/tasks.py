"""Tasks in memory, as ``app.finish_task``, ``fail_unclaimed``, ``heartbeat`` and what they call do it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from schema.policies import ErrorClass
from schema.records import (
    AttemptFailed,
    AttemptOutcome,
    AttemptSucceeded,
    Claim,
    Finish,
    FinishOutcome,
    Heartbeat,
    LeaseState,
    OutboxRecord,
    TaskRecord,
)
from schema.results import ErrorDetail
from schema.states import StageStatus, TaskStatus
from tests.fakes.claiming import claim_task, may_start
from tests.fakes.closing import close_stage, tasks_of
from tests.fakes.database import FakeDatabase, stored
from tests.fakes.rows import StageKey, StageRow, TaskRow

_NO_LEASE: dict[str, Any] = {"lease_token": None, "lease_expires_at": None}


class FakeTaskRepository:
    """Implements ``interfaces.repositories.TaskRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def claim(self, task_id: str, attempt: int, worker: str, lease_token: UUID) -> Claim:
        with self._database.transaction():
            return claim_task(self._database, task_id, attempt, worker, lease_token)

    def finish(self, task_id: str, lease_token: UUID, outcome: AttemptOutcome) -> Finish:
        with self._database.transaction() as tables:
            task = tables.tasks.get(task_id)
            if task is None or task.lease_token != lease_token:
                return Finish(FinishOutcome.LOST, [])
            if isinstance(outcome, AttemptSucceeded):
                ended = complete_attempt(self._database, task, outcome)
            else:
                ended = fail_attempt(self._database, task, outcome)
        if ended.outcome is FinishOutcome.RETRYING:
            return ended
        with self._database.transaction():
            closing = close_stage(self._database, task.stage_key, claimed=True)
        return Finish(ended.outcome, [*ended.outbox, *closing])

    def fail(self, task_id: str, error: ErrorDetail) -> Finish | None:
        with self._database.transaction() as tables:
            task = tables.tasks.get(task_id)
            if task is None or not task.unfinished:
                return None
            return fail_unclaimed(self._database, task, error)

    def heartbeat(self, beats: Sequence[Heartbeat]) -> Mapping[UUID, LeaseState]:
        with self._database.transaction():
            return {beat.lease_token: self._beat(beat) for beat in beats}

    def get(self, task_id: str) -> TaskRecord | None:
        with self._database.transaction() as tables:
            row = tables.tasks.get(task_id)
            return None if row is None else TaskRecord.model_validate(vars(row))

    def find(self, job_id: str, run: int, stage: int, index: str) -> TaskRecord | None:
        with self._database.transaction():
            rows = tasks_of(self._database, (job_id, run, stage))
            found = next((row for row in rows if row.task_index == index), None)
            return None if found is None else TaskRecord.model_validate(vars(found))

    def _beat(self, beat: Heartbeat) -> LeaseState:
        task, now = self._database.tables.tasks.get(beat.task_id), self._database.now
        if task is None or task.lease_token != beat.lease_token:
            return LeaseState.LOST
        if task.lease_expires_at is None or task.lease_expires_at <= now:
            return LeaseState.LOST
        self._database.tables.tasks[beat.task_id] = replace(
            task,
            lease_expires_at=now + _stage_of(self._database, task).lease,
            progress=task.progress if beat.progress is None else beat.progress,
        )
        return LeaseState.HELD if may_start(self._database, task) else LeaseState.CANCEL_REQUESTED


def complete_attempt(database: FakeDatabase, task: TaskRow, outcome: AttemptSucceeded) -> Finish:
    """``app.complete_attempt``, within the caller's transaction."""
    database.move_task(
        task,
        "completed",
        TaskStatus.COMPLETED,
        result=stored(outcome.result),
        result_ref=outcome.result_ref,
        error=None,
        processed_items=outcome.processed_items,
        progress=1.0,
        finished_at=database.now,
        **_NO_LEASE,
    )
    return Finish(FinishOutcome.COMPLETED, release_next(database, task))


def fail_attempt(database: FakeDatabase, task: TaskRow, outcome: AttemptFailed) -> Finish:
    """``app.fail_attempt``, within the caller's transaction."""
    stage, error = _stage_of(database, task), stored(outcome.error)
    error_class = _class_that_counts(task, stage, outcome)
    runs_on = stage.status is StageStatus.OPEN and not stage.ending
    if task.attempt < _attempts(task, stage, error_class) and runs_on:
        queued = database.move_task(
            task,
            "lease_expired" if error_class is ErrorClass.LOST else "attempt_failed",
            TaskStatus.QUEUED,
            not_before=database.now + _delay(task, stage, error_class, outcome.delay_seconds),
            max_attempts=task.max_attempts + (error_class is ErrorClass.DEFERRED),
            error=error,
            **_NO_LEASE,
        )
        message = database.enqueue_task(queued, claimed=True)
        return Finish(FinishOutcome.RETRYING, [database.outbox_record(message)])
    cancelled = error_class is ErrorClass.CANCELLED
    final = TaskStatus.CANCELLED if cancelled else TaskStatus.FAILED
    database.move_task(task, final.value, final, finished_at=database.now, error=error, **_NO_LEASE)
    if stage.fail_fast:
        end_stage_early(database, task.stage_key)
        released = []
    else:
        released = release_next(database, task)
    return Finish(FinishOutcome.CANCELLED if cancelled else FinishOutcome.FAILED, released)


def fail_unclaimed(database: FakeDatabase, task: TaskRow, error: ErrorDetail) -> Finish:
    """``app.fail_unclaimed``, within the caller's transaction."""
    database.move_task(
        task, "failed", TaskStatus.FAILED, error=stored(error), finished_at=database.now, **_NO_LEASE
    )
    if _stage_of(database, task).fail_fast:
        end_stage_early(database, task.stage_key)
        return Finish(FinishOutcome.FAILED, [])
    held_back = task.status is TaskStatus.PENDING
    return Finish(FinishOutcome.FAILED, [] if held_back else release_next(database, task))


def release_next(database: FakeDatabase, after: TaskRow) -> list[OutboxRecord]:
    """``app.release_next``, within the caller's transaction."""
    for task in tasks_of(database, after.stage_key):
        if task.status is TaskStatus.PENDING and task.position > after.position:
            queued = database.move_task(task, "released", TaskStatus.QUEUED, not_before=database.now)
            return [database.outbox_record(database.enqueue_task(queued, claimed=True))]
    return []


def end_stage_early(database: FakeDatabase, key: StageKey) -> None:
    """``app.end_stage_early``, within the caller's transaction."""
    stage = database.tables.stages[key]
    if stage.status is not StageStatus.OPEN or stage.ending:
        return
    database.tables.stages[key] = replace(stage, ending=True)
    for task in tasks_of(database, key):
        if task.status in (TaskStatus.PENDING, TaskStatus.QUEUED):
            database.move_task(task, "skipped", TaskStatus.SKIPPED, finished_at=database.now)


def _class_that_counts(task: TaskRow, stage: StageRow, outcome: AttemptFailed) -> ErrorClass:
    stopped = outcome.error_class is ErrorClass.CANCELLED
    if stopped and task.started_at and stage.resumed_at and task.started_at < stage.resumed_at:
        return ErrorClass.DEFERRED
    return outcome.error_class


def _attempts(task: TaskRow, stage: StageRow, error_class: ErrorClass) -> int:
    if error_class in (ErrorClass.PERMANENT, ErrorClass.CANCELLED):
        return 0
    if error_class is ErrorClass.DEFERRED:
        return task.max_attempts + 1
    if error_class is ErrorClass.UNKNOWN:
        return min(task.max_attempts, task.max_attempts - stage.retry.attempts + 2)
    return task.max_attempts


def _delay(task: TaskRow, stage: StageRow, error_class: ErrorClass, least_seconds: float | None) -> timedelta:
    """The greater of what the attempt asked for and what the policy says."""
    if error_class is ErrorClass.DEFERRED and least_seconds is not None:
        return timedelta(seconds=least_seconds)
    by_policy = _retry_delay(task, stage, throttled=error_class is ErrorClass.THROTTLED)
    return max(by_policy, timedelta(seconds=least_seconds or 0))


def _retry_delay(task: TaskRow, stage: StageRow, *, throttled: bool) -> timedelta:
    retry = stage.retry
    exponent = task.attempt - (task.max_attempts - retry.attempts) - 1 + throttled
    seconds = min(retry.cap_seconds, retry.base_seconds * retry.factor**exponent)
    jitter = random.random()  # noqa: S311 -- not for secrets
    return timedelta(seconds=seconds * (1 - retry.jitter * jitter))


def _stage_of(database: FakeDatabase, task: TaskRow) -> StageRow:
    return database.tables.stages[task.stage_key]
