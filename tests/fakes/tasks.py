"""Tasks in memory, as ``app.claim_task``, ``finish_task``, ``heartbeat`` and what they call do it."""

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
    ClaimedTask,
    ClaimOutcome,
    Finish,
    FinishOutcome,
    Heartbeat,
    LeaseState,
    OutboxRecord,
    TaskRecord,
)
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.fakes.database import FakeDatabase, stored
from tests.fakes.rows import StageKey, StageRow, TaskRow
from tests.fakes.stages import close_stage, tasks_of


class FakeTaskRepository:
    """Implements ``interfaces.repositories.TaskRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def claim(self, task_id: str, attempt: int, worker: str, lease_token: UUID) -> Claim:
        with self._database.transaction() as tables:
            task = tables.tasks.get(task_id)
            if task is None:
                return Claim(ClaimOutcome.UNKNOWN)
            if not task.unfinished:
                return Claim(ClaimOutcome.FINAL)
            if task.status is not TaskStatus.QUEUED or task.attempt != attempt - 1:
                return Claim(ClaimOutcome.STALE)
            if not _may_run(self._database, task):
                self._database.move_task(task, "skipped", TaskStatus.SKIPPED, finished_at=self._database.now)
                return Claim(ClaimOutcome.SKIPPED)
            if task.not_before > self._database.now:
                self._database.enqueue_task(task, claimed=False)
                return Claim(ClaimOutcome.NOT_DUE)
            return self._claimed(task, attempt, worker, lease_token)

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

    def _claimed(self, task: TaskRow, attempt: int, worker: str, lease_token: UUID) -> Claim:
        stage, now = _stage_of(self._database, task), self._database.now
        row = self._database.move_task(
            task,
            "claimed",
            TaskStatus.PROCESSING,
            attempt=attempt,
            lease_token=lease_token,
            lease_expires_at=now + stage.lease,
            started_at=now,
            worker=worker,
            progress=None,
        )
        values: dict[str, Any] = {
            **vars(row),
            "lease_seconds": stage.lease.total_seconds(),
            "timeout_seconds": stage.task_timeout.total_seconds(),
        }
        return Claim(ClaimOutcome.CLAIMED, ClaimedTask.model_validate(values))

    def _beat(self, beat: Heartbeat) -> LeaseState:
        task = self._database.tables.tasks.get(beat.task_id)
        if task is None or task.lease_token != beat.lease_token:
            return LeaseState.LOST
        self._database.tables.tasks[beat.task_id] = replace(
            task,
            lease_expires_at=self._database.now + _stage_of(self._database, task).lease,
            progress=task.progress if beat.progress is None else beat.progress,
        )
        return LeaseState.HELD if _may_run(self._database, task) else LeaseState.CANCEL_REQUESTED


def complete_attempt(database: FakeDatabase, task: TaskRow, outcome: AttemptSucceeded) -> Finish:
    """``app.complete_attempt``, within the caller's transaction."""
    database.move_task(
        task,
        "completed",
        TaskStatus.COMPLETED,
        result=stored(outcome.result),
        error=None,
        processed_items=outcome.processed_items,
        progress=1.0,
        finished_at=database.now,
        lease_token=None,
        lease_expires_at=None,
    )
    return Finish(FinishOutcome.COMPLETED, release_next(database, task))


def fail_attempt(database: FakeDatabase, task: TaskRow, outcome: AttemptFailed) -> Finish:
    """``app.fail_attempt``, within the caller's transaction."""
    stage, error_class = _stage_of(database, task), outcome.error_class
    error = {"error": stored(outcome.error), "lease_token": None, "lease_expires_at": None}
    runs_on = stage.status is StageStatus.OPEN and not stage.ending
    if task.attempt < _attempts(task, stage, error_class) and runs_on:
        event = "lease_expired" if error_class is ErrorClass.LOST else "attempt_failed"
        delay = _retry_delay(task, stage, throttled=error_class is ErrorClass.THROTTLED)
        queued = database.move_task(task, event, TaskStatus.QUEUED, not_before=database.now + delay, **error)
        message = database.enqueue_task(queued, claimed=True)
        return Finish(FinishOutcome.RETRYING, [database.outbox_record(message)])
    cancelled = error_class is ErrorClass.CANCELLED
    final = TaskStatus.CANCELLED if cancelled else TaskStatus.FAILED
    database.move_task(task, final.value, final, finished_at=database.now, **error)
    if stage.fail_fast:
        end_stage_early(database, task.stage_key)
        released = []
    else:
        released = release_next(database, task)
    return Finish(FinishOutcome.CANCELLED if cancelled else FinishOutcome.FAILED, released)


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


def _attempts(task: TaskRow, stage: StageRow, error_class: ErrorClass) -> int:
    if error_class in (ErrorClass.PERMANENT, ErrorClass.CANCELLED):
        return 0
    if error_class is ErrorClass.UNKNOWN:
        return min(task.max_attempts, task.max_attempts - stage.retry.attempts + 2)
    return task.max_attempts


def _retry_delay(task: TaskRow, stage: StageRow, *, throttled: bool) -> timedelta:
    retry = stage.retry
    exponent = task.attempt - (task.max_attempts - retry.attempts) - 1 + throttled
    seconds = min(retry.cap_seconds, retry.base_seconds * retry.factor**exponent)
    jitter = random.random()  # noqa: S311 -- not for secrets
    return timedelta(seconds=seconds * (1 - retry.jitter * jitter))


def _stage_of(database: FakeDatabase, task: TaskRow) -> StageRow:
    return database.tables.stages[task.stage_key]


def _may_run(database: FakeDatabase, task: TaskRow) -> bool:
    stage, job = _stage_of(database, task), database.tables.jobs[task.job_id]
    active = job.run == task.run and job.status is JobStatus.PROCESSING
    return active and stage.status is StageStatus.OPEN and not stage.ending
