"""Claiming tasks in memory, as ``app.claim_task``, ``claim_within_limits`` and ``unclaimed`` do it.

All within the caller's transaction.
"""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from schema.records import Claim, ClaimedTask, ClaimOutcome
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.fakes.database import FakeDatabase
from tests.fakes.rows import TaskRow


def claim_task(database: FakeDatabase, task_id: str, attempt: int, worker: str, lease_token: UUID) -> Claim:
    """``app.claim_task``."""
    task = database.tables.tasks.get(task_id)
    if task is None:
        return Claim(ClaimOutcome.UNKNOWN)
    its_turn = task.status is TaskStatus.QUEUED and task.attempt == attempt - 1
    if its_turn and task.not_before <= database.now:
        if _has_no_room(database, task):
            pause = timedelta(seconds=1 + random.random())  # noqa: S311 -- not for secrets
            task = replace(task, not_before=database.now + pause)
            database.tables.tasks[task_id] = task
        elif may_start(database, task):
            return _claimed(database, task, attempt, worker, lease_token)
    return _unclaimed(database, task, its_turn=its_turn)


def may_start(database: FakeDatabase, task: TaskRow) -> bool:
    """``app.may_start``."""
    stage, job = database.tables.stages[task.stage_key], database.tables.jobs[task.job_id]
    active = job.run == task.run and job.status is JobStatus.PROCESSING
    return active and stage.status is StageStatus.OPEN and not stage.ending


def _has_no_room(database: FakeDatabase, task: TaskRow) -> bool:
    job = database.tables.jobs[task.job_id]
    if database.is_held(task.resource):
        return True
    if job.max_parallel_tasks is None:
        return False
    live = [
        other
        for other in database.tables.tasks.values()
        if other.lease_expires_at is not None
        and other.lease_expires_at > database.now
        and database.tables.jobs[other.job_id].job_type == job.job_type
    ]
    return len(live) >= job.max_parallel_tasks


def _unclaimed(database: FakeDatabase, task: TaskRow, *, its_turn: bool) -> Claim:
    if not task.unfinished:
        return Claim(ClaimOutcome.FINAL)
    if not its_turn:
        return Claim(ClaimOutcome.STALE)
    if not may_start(database, task):
        database.move_task(task, "skipped", TaskStatus.SKIPPED, finished_at=database.now)
        return Claim(ClaimOutcome.SKIPPED)
    database.enqueue_task(task, claimed=False)
    for row in list(database.tables.outbox.values()):
        if row.task_id == task.task_id:
            database.tables.outbox[row.outbox_id] = replace(row, claimed_until=None)
    return Claim(ClaimOutcome.NOT_DUE)


def _claimed(database: FakeDatabase, task: TaskRow, attempt: int, worker: str, lease_token: UUID) -> Claim:
    stage, now = database.tables.stages[task.stage_key], database.now
    row = database.move_task(
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
