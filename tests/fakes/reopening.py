"""Stages taken up again in memory, as ``app.reopen_stage`` and ``app.resume_stage`` do it.

All within the caller's transaction.
"""

from collections.abc import Sequence

from schema.states import StageStatus, TaskStatus
from tests.fakes.closing import close_stage, tasks_of
from tests.fakes.database import FakeDatabase
from tests.fakes.rows import StageKey, TaskRow

_STARTED = (TaskStatus.QUEUED, TaskStatus.PROCESSING)
_ENDED_BADLY = (TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED)


def reopen_stage(database: FakeDatabase, key: StageKey, round_: int) -> bool:
    """``app.reopen_stage``."""
    row = database.tables.stages.get(key)
    if row is None or row.status is not StageStatus.CLOSING or row.round != round_:
        return False
    database.move_stage(
        row,
        "retried",
        StageStatus.OPEN,
        ending=False,
        retries=row.retries + 1,
        round=row.round + 1,
        deadline=database.now + row.timeout,
        closing_at=None,
    )
    tasks = tasks_of(database, key)
    again = [task for task in tasks if task.status is not TaskStatus.COMPLETED] or tasks
    _requeue(database, key, again)
    close_stage(database, key, claimed=False)
    return True


def resume_stage(database: FakeDatabase, key: StageKey) -> bool:
    """``app.resume_stage``."""
    row = database.tables.stages.get(key)
    if row is None:
        return False
    tasks, now = tasks_of(database, key), database.now
    unfinished = any(task.status is not TaskStatus.COMPLETED for task in tasks)
    database.move_stage(
        row,
        "retried",
        StageStatus.OPEN if unfinished else StageStatus.CLOSING,
        ending=False,
        retries=0,
        round=row.round + 1,
        result=None,
        result_ref=None,
        completed=0,
        failed=0,
        closed_at=None,
        closing_at=None if unfinished else now,
        resumed_at=now,
        deadline=now + row.timeout,
    )
    _requeue(database, key, [task for task in tasks if task.status in _ENDED_BADLY])
    return unfinished


def _requeue(database: FakeDatabase, key: StageKey, again: Sequence[TaskRow]) -> None:
    """``app.requeue_tasks``."""
    row = database.tables.stages[key]
    room = row.max_parallel_tasks - sum(task.status in _STARTED for task in tasks_of(database, key))
    for place, task in enumerate(again):
        starts = place < room
        planned = database.move_task(
            task,
            "stage_retried",
            TaskStatus.QUEUED if starts else TaskStatus.PENDING,
            result=None,
            result_ref=None,
            error=None,
            started_at=None,
            finished_at=None,
            progress=None,
            processed_items=None,
            max_attempts=task.attempt + row.retry.attempts,
            not_before=database.now,
            nudged_at=None,
        )
        if starts:
            database.enqueue_task(planned, claimed=False)
