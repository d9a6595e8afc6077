"""Ends of runs in memory, as ``app.finish_job`` and ``app.end_run`` do it; in the caller's transaction."""

from dataclasses import replace

from pydantic import BaseModel

from schema.json_types import JSONObject
from schema.records import FinishJob
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.fakes.database import FakeDatabase, stored
from tests.fakes.rows import JobRow

_LIVE_STAGE = (StageStatus.OPEN, StageStatus.CLOSING)
_WAITING = (TaskStatus.PENDING, TaskStatus.QUEUED)


def finish_job(database: FakeDatabase, finish: FinishJob) -> bool:
    """``app.finish_job``."""
    row = database.tables.jobs.get(finish.job_id)
    if row is None or row.run != finish.run or not row.active:
        return False
    if finish.unopened and row.status is not JobStatus.QUEUED:
        return False
    event = "completed" if finish.status is JobStatus.COMPLETED_WITH_ERRORS else finish.status.value
    now = database.now
    database.move_job(
        row,
        event,
        finish.status,
        result=stored(finish.result),
        result_ref=finish.result_ref,
        error=stored(finish.error),
        finished_at=now,
        updated_at=now,
    )
    return True


def end_run(
    database: FakeDatabase, job_id: str, run: int, status: JobStatus, error: JSONObject | BaseModel
) -> bool:
    """``app.end_run``."""
    job = database.tables.jobs.get(job_id)
    if job is None or job.run != run or not job.active:
        return False
    now = database.now
    database.move_job(job, status.value, status, error=stored(error), finished_at=now, updated_at=now)
    for stage in list(database.tables.stages.values()):
        if stage.key[:2] == (job_id, run) and stage.status in _LIVE_STAGE:
            database.move_stage(stage, status.value, StageStatus(status.value), ending=True, closed_at=now)
    ended = TaskStatus.CANCELLED if status is JobStatus.CANCELLED else TaskStatus.SKIPPED
    for task in list(database.tables.tasks.values()):
        if task.stage_key[:2] == (job_id, run) and task.status in _WAITING:
            database.move_task(task, ended.value, ended, finished_at=now)
    return True


def touch_job(database: FakeDatabase, row: JobRow) -> None:
    """Note that the orchestrator was woken for this job."""
    database.tables.jobs[row.job_id] = replace(row, nudged_at=database.now)
