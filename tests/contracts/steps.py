"""What the contract tests do before they get to their point."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from schema.identity import job_id_of, task_id_of
from schema.policies import ErrorClass, FailureMode, FailurePolicy, RetryPolicy
from schema.records import (
    AttemptFailed,
    AttemptSucceeded,
    ClaimOutcome,
    Finish,
    FinishJob,
    JobRecord,
    NewJob,
    NewTask,
    OpenStage,
    StageRecord,
    StageSettlement,
    TaskRecord,
)
from schema.results import ErrorDetail, StageResultContract
from schema.states import JobStatus, StageStatus, TaskStatus
from tests.support.worlds import World

JOB_ID = job_id_of("trial", {"n": 1})
TOLERANT = FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=50)


def new_job(job_id: str = JOB_ID, **changes: Any) -> NewJob:
    values = {"job_type": "trial", "parameters": {"n": 1}, "total_stages": 2, "correlation_id": "corr-1"}
    return NewJob(job_id=job_id, **{**values, **changes})


def stage_of(tasks: int, job_id: str = JOB_ID, stage: int = 1, run: int = 1, **changes: Any) -> OpenStage:
    """A stage with leases of 120 s and attempts that wait 10, 20, ... s without jitter."""
    values: dict[str, Any] = {
        "max_parallel_tasks": 100,
        "retry": RetryPolicy(attempts=3, base_seconds=10, factor=2, cap_seconds=300, jitter=0),
        "failure": FailurePolicy(),
        "lease": timedelta(seconds=120),
        "task_timeout": timedelta(minutes=10),
        "stage_timeout": timedelta(hours=1),
    }
    planned = [
        NewTask(task_id_of(job_id, run, stage, str(index)), str(index), {"index": index})
        for index in range(tasks)
    ]
    values = {**values, "tasks": planned, **changes}
    return OpenStage(job_id=job_id, run=run, stage=stage, task_type=f"work_{stage}", **values)


def opened(world: World, tasks: int, job_id: str = JOB_ID, **changes: Any) -> list[str]:
    """A job whose first stage is open; gives its task ids. All messages so far are sent and lost."""
    world.use.jobs.submit(new_job(job_id))
    stage = stage_of(tasks, job_id, **changes)
    assert world.use.stages.open(stage)
    world.clear_outbox()
    return [task.task_id for task in stage.tasks]


def claimed(world: World, task_id: str, attempt: int = 1) -> UUID:
    """The token of a lease on the attempt."""
    token = uuid4()
    claim = world.use.tasks.claim(task_id, attempt, "worker-1", token)
    assert claim.outcome is ClaimOutcome.CLAIMED
    return token


def succeeded(world: World, task_id: str, attempt: int = 1) -> Finish:
    token = claimed(world, task_id, attempt)
    return world.use.tasks.finish(task_id, token, AttemptSucceeded({"task": task_id}, 1))


def failed(
    world: World, task_id: str, error_class: ErrorClass = ErrorClass.PERMANENT, attempt: int = 1
) -> Finish:
    token = claimed(world, task_id, attempt)
    return world.use.tasks.finish(task_id, token, failure(error_class))


def failure(error_class: ErrorClass = ErrorClass.PERMANENT) -> AttemptFailed:
    error = ErrorDetail(code="BROKEN", message="it broke", error_class=error_class)
    return AttemptFailed(error, error_class)


def settlement(
    stage: int = 1, status: StageStatus = StageStatus.COMPLETED, round_: int = 1
) -> StageSettlement:
    result = StageResultContract(
        stage_number=stage,
        stage_key=str(stage),
        status=status,
        task_count=1,
        successful_tasks=1,
        failed_tasks=0,
        success_rate=100,
        task_results=(),
        completed_at=datetime(2025, 1, 1, tzinfo=UTC),
    )
    return StageSettlement(
        job_id=JOB_ID, run=1, stage=stage, status=status, completed=1, failed=0, result=result, round=round_
    )


def completion(job_id: str = JOB_ID) -> FinishJob:
    return FinishJob(job_id, 1, JobStatus.COMPLETED, result={"done": True})


def end_of_job(error: str = "it broke") -> FinishJob:
    return FinishJob(JOB_ID, 1, JobStatus.FAILED, error=ErrorDetail(code="BROKEN", message=error))


def task(world: World, task_id: str) -> TaskRecord:
    found = world.use.tasks.get(task_id)
    assert found is not None
    return found


def job(world: World, job_id: str = JOB_ID) -> JobRecord:
    found = world.use.jobs.get(job_id)
    assert found is not None
    return found


def stage(world: World, number: int = 1, run: int = 1, job_id: str = JOB_ID) -> StageRecord:
    found = world.use.stages.get(job_id, run, number)
    assert found is not None
    return found


def states(world: World, tasks: list[str]) -> list[TaskStatus]:
    return [task(world, task_id).status for task_id in tasks]
