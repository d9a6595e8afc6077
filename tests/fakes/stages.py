"""Stages in memory, as ``app.open_stage`` and ``app.settle_stage`` do it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from schema.json_types import JSONObject
from schema.policies import FailureMode, Priority
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
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.fakes.closing import close_stage, tasks_of
from tests.fakes.database import FakeDatabase, stage_subject, stored
from tests.fakes.reopening import reopen_stage
from tests.fakes.rows import Event, StageRow, TaskRow
from tests.fakes.runs import finish_job

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
    tasks = tasks_of(database, row.key)
    states = [task.status for task in tasks]
    running, completed, failed, lately = 0, row.completed, row.failed, 0
    begun = row.deadline - row.timeout
    if row.result is None:
        lately = sum(task.finished_at is not None and task.finished_at >= begun for task in tasks)
        running = sum(state is TaskStatus.PROCESSING for state in states)
        completed = sum(state is TaskStatus.COMPLETED for state in states)
        failed = sum(state in _ENDED_BADLY for state in states)
    return StageSummary(
        stage=row.stage,
        status=row.status,
        task_type=row.task_type,
        expected=row.expected,
        completed=completed,
        failed=failed,
        running=running,
        ended_lately=lately,
        opened_at=row.opened_at,
        round_began_at=begun,
        resumed_at=row.resumed_at,
        closed_at=row.closed_at,
        result=None if row.result is None else _shown(row.result),
    )


def _shown(result: JSONObject) -> JSONObject:
    """The result without what may be long in it."""
    shown, decision, results = {**result}, result.get("orchestration"), result["task_results"]
    if isinstance(decision, dict):
        shown["orchestration"] = {name: value for name, value in decision.items() if name != "items"}
    if isinstance(results, list):
        shown["task_results"] = results[:100]
    return shown


def _demand(*, done: bool) -> None:
    if not done:
        raise _StepRefusedError


def open_stage(database: FakeDatabase, stage: OpenStage) -> bool:
    """``app.open_stage``, within the caller's transaction."""
    tables, now = database.tables, database.now
    job = tables.jobs.get(stage.job_id)
    if job is None or job.run != stage.run or not job.active or job.stage > stage.stage:
        return False
    database.move_job(
        job,
        "started",
        JobStatus.PROCESSING,
        stage=stage.stage,
        started_at=job.started_at or now,
        updated_at=now,
    )
    row = _new_stage(stage, job.priority, now)
    if row.key in tables.stages:
        return False
    tables.stages[row.key] = row
    tables.events.append(Event("stage", stage_subject(row.key), None, "opened", row.status.value))
    for position, task in enumerate(stage.tasks):
        starts = position < row.max_parallel_tasks
        planned = TaskRow(
            task_id=task.task_id,
            job_id=stage.job_id,
            run=stage.run,
            stage=stage.stage,
            task_index=task.index,
            position=position,
            task_type=task.task_type or stage.task_type,
            status=TaskStatus.QUEUED if starts else TaskStatus.PENDING,
            parameters=stored(task.parameters),
            parameters_ref=task.parameters_ref,
            resource=task.resource,
            max_attempts=stage.retry.attempts,
            not_before=now,
        )
        tables.tasks[task.task_id] = planned
        if starts:
            database.enqueue_task(planned, claimed=False)
    if not stage.tasks:
        database.enqueue_job(row.key, claimed=False)
    return True


def _settled(database: FakeDatabase, settlement: StageSettlement, following: NextStep) -> bool:
    if isinstance(following, ReopenStage):
        return reopen_stage(database, (following.job_id, following.run, following.stage), settlement.round)
    row = database.tables.stages.get((settlement.job_id, settlement.run, settlement.stage))
    if row is None or row.status is not StageStatus.CLOSING or row.round != settlement.round:
        return False
    database.move_stage(
        row,
        "settled",
        settlement.status,
        completed=settlement.completed,
        failed=settlement.failed,
        result=stored(settlement.result),
        result_ref=settlement.result_ref,
        closed_at=database.now,
    )
    if isinstance(following, FinishJob):
        return finish_job(database, following)
    return open_stage(database, following)


def _new_stage(stage: OpenStage, priority: Priority, now: datetime) -> StageRow:
    places = stage.max_parallel_tasks
    return StageRow(
        job_id=stage.job_id,
        run=stage.run,
        stage=stage.stage,
        status=StageStatus.OPEN if stage.tasks else StageStatus.CLOSING,
        task_type=stage.task_type,
        expected=len(stage.tasks),
        max_parallel_tasks=max(1, places // 4) if priority is Priority.LOW else places,
        fail_fast=stage.failure.mode is FailureMode.FAIL_FAST,
        retry=stage.retry,
        lease=stage.lease,
        task_timeout=stage.task_timeout,
        timeout=stage.stage_timeout,
        opened_at=now,
        deadline=now + stage.stage_timeout,
        closing_at=None if stage.tasks else now,
    )
