"""Stages in memory, as ``app.open_stage``, ``close_stage``, ``settle_stage`` and ``reopen_stage`` do it."""

from collections.abc import Iterator, Sequence

from schema.policies import FailureMode
from schema.records import (
    FinishJob,
    NextStep,
    OpenStage,
    OutboxRecord,
    ReopenStage,
    StageRecord,
    StageSettlement,
    StageSummary,
    TaskRecord,
)
from schema.states import FINAL_JOB_STATES, JobStatus, StageStatus, TaskStatus
from tests.fakes.database import FakeDatabase, stage_subject, stored
from tests.fakes.jobs import finish_job
from tests.fakes.rows import Event, StageKey, StageRow, TaskRow

_ENDED_BADLY = (TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.CANCELLED)


class _StepRefusedError(Exception):
    """The next step found the job changed: the whole settlement is rolled back."""


class FakeStageRepository:
    """Implements ``interfaces.repositories.StageRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def get(self, job_id: str, run: int, stage: int) -> StageRecord | None:
        with self._database.transaction() as tables:
            row = tables.stages.get((job_id, run, stage))
            return None if row is None else StageRecord.model_validate(vars(row))

    def list(self, job_id: str, run: int) -> Sequence[StageRecord]:
        with self._database.transaction():
            return [StageRecord.model_validate(vars(row)) for row in _of_run(self._database, job_id, run)]

    def summaries(self, job_id: str, run: int) -> Sequence[StageSummary]:
        with self._database.transaction():
            return [_summary(self._database, row) for row in _of_run(self._database, job_id, run)]

    def open(self, stage: OpenStage) -> bool:
        with self._database.transaction():
            return open_stage(self._database, stage)

    def close(self, job_id: str, run: int, stage: int) -> Sequence[OutboxRecord]:
        with self._database.transaction():
            return close_stage(self._database, (job_id, run, stage), claimed=True)

    def settle(self, settlement: StageSettlement, following: NextStep) -> bool:
        try:
            with self._database.transaction():
                _demand(done=_settled(self._database, settlement, following))
        except _StepRefusedError:
            return False
        return True

    def task_results(self, job_id: str, run: int, stage: int) -> Iterator[TaskRecord]:
        with self._database.transaction():
            rows = tasks_of(self._database, (job_id, run, stage))
        for row in rows:
            yield TaskRecord.model_validate(vars(row))


def _of_run(database: FakeDatabase, job_id: str, run: int) -> list[StageRow]:
    stages = database.tables.stages
    return [stages[key] for key in sorted(stages) if key[:2] == (job_id, run)]


def _summary(database: FakeDatabase, row: StageRow) -> StageSummary:
    states = [task.status for task in tasks_of(database, row.key)]
    running = sum(state is TaskStatus.PROCESSING for state in states)
    completed, failed = row.completed, row.failed
    if row.closed_at is None:
        completed = sum(state is TaskStatus.COMPLETED for state in states)
        failed = sum(state in _ENDED_BADLY for state in states)
    result = row.result
    if result is not None and isinstance(results := result["task_results"], list):
        result = {**result, "task_results": results[:100]}
    return StageSummary(
        stage=row.stage,
        status=row.status,
        task_type=row.task_type,
        expected=row.expected,
        completed=completed,
        failed=failed,
        running=running,
        result=result,
    )


def _demand(*, done: bool) -> None:
    if not done:
        raise _StepRefusedError


def tasks_of(database: FakeDatabase, key: StageKey) -> list[TaskRow]:
    """All tasks of the stage in the order in which they start."""
    rows = [row for row in database.tables.tasks.values() if row.stage_key == key]
    return sorted(rows, key=lambda row: row.position)


def has_unfinished_task(database: FakeDatabase, key: StageKey) -> bool:
    return any(row.unfinished for row in tasks_of(database, key))


def close_stage(database: FakeDatabase, key: StageKey, *, claimed: bool) -> list[OutboxRecord]:
    """``app.close_stage``, within the caller's transaction."""
    row = database.tables.stages.get(key)
    if row is None or row.status is not StageStatus.OPEN or has_unfinished_task(database, key):
        return []
    database.move_stage(row, "last_task_finished", StageStatus.CLOSING, closing_at=database.now)
    return [database.outbox_record(database.enqueue_job(key, claimed=claimed))]


def open_stage(database: FakeDatabase, stage: OpenStage) -> bool:
    """``app.open_stage``, within the caller's transaction."""
    tables, now = database.tables, database.now
    job = tables.jobs.get(stage.job_id)
    if job is None or job.run != stage.run or job.status in FINAL_JOB_STATES or job.stage > stage.stage:
        return False
    database.move_job(
        job,
        "started",
        JobStatus.PROCESSING,
        stage=stage.stage,
        started_at=job.started_at or now,
        updated_at=now,
    )
    row = _new_stage(stage, database)
    if row.key in tables.stages:
        return False
    tables.stages[row.key] = row
    tables.events.append(Event("stage", stage_subject(row.key), None, "opened", row.status.value))
    for position, task in enumerate(stage.tasks):
        starts = position < stage.max_parallel_tasks
        planned = TaskRow(
            task_id=task.task_id,
            job_id=stage.job_id,
            run=stage.run,
            stage=stage.stage,
            task_index=task.index,
            position=position,
            task_type=stage.task_type,
            status=TaskStatus.QUEUED if starts else TaskStatus.PENDING,
            parameters=stored(task.parameters),
            max_attempts=stage.retry.attempts,
            not_before=now,
        )
        tables.tasks[task.task_id] = planned
        if starts:
            database.enqueue_task(planned, claimed=False)
    if not stage.tasks:
        database.enqueue_job(row.key, claimed=False)
    return True


def reopen_stage(database: FakeDatabase, key: StageKey) -> bool:
    """``app.reopen_stage``, within the caller's transaction."""
    row = database.tables.stages.get(key)
    if row is None or row.status is not StageStatus.CLOSING:
        return False
    row = database.move_stage(
        row, "retried", StageStatus.OPEN, ending=False, retries=row.retries + 1, closing_at=None
    )
    tasks = tasks_of(database, key)
    again = [task for task in tasks if task.status is not TaskStatus.COMPLETED] or tasks
    for place, task in enumerate(again):
        starts = place < row.max_parallel_tasks
        planned = database.move_task(
            task,
            "stage_retried",
            TaskStatus.QUEUED if starts else TaskStatus.PENDING,
            result=None,
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
    if not tasks:
        close_stage(database, key, claimed=False)
    return True


def _settled(database: FakeDatabase, settlement: StageSettlement, following: NextStep) -> bool:
    if isinstance(following, ReopenStage):
        return reopen_stage(database, (following.job_id, following.run, following.stage))
    row = database.tables.stages.get((settlement.job_id, settlement.run, settlement.stage))
    if row is None or row.status is not StageStatus.CLOSING:
        return False
    database.move_stage(
        row,
        "settled",
        settlement.status,
        completed=settlement.completed,
        failed=settlement.failed,
        result=stored(settlement.result),
        closed_at=database.now,
    )
    if isinstance(following, FinishJob):
        return finish_job(database, following)
    return open_stage(database, following)


def _new_stage(stage: OpenStage, database: FakeDatabase) -> StageRow:
    now = database.now
    return StageRow(
        job_id=stage.job_id,
        run=stage.run,
        stage=stage.stage,
        status=StageStatus.OPEN if stage.tasks else StageStatus.CLOSING,
        task_type=stage.task_type,
        expected=len(stage.tasks),
        max_parallel_tasks=stage.max_parallel_tasks,
        fail_fast=stage.failure.mode is FailureMode.FAIL_FAST,
        retry=stage.retry,
        lease=stage.lease,
        task_timeout=stage.task_timeout,
        opened_at=now,
        deadline=now + stage.stage_timeout,
        closing_at=None if stage.tasks else now,
    )
