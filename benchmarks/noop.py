"""A job type whose tasks do nothing, so that what is measured is the orchestration itself."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from interfaces.handler import TaskContext
from registration import JobCatalog, TaskCatalog, verify_catalogs
from schema.json_types import JSONObject
from schema.results import Contract, StageResultContract
from schema.workflow import (
    JobParameters,
    JobRegistration,
    StageDefinition,
    StagePlan,
    TaskContract,
    TaskDefinition,
    TaskInfo,
)

JOB_TYPE = "noop"
MAX_STAGES = 5


class NoopJobParameters(JobParameters):
    """``salt`` tells jobs of the same size apart."""

    tasks: Annotated[int, Field(ge=0, le=100_000)]
    stages: Annotated[int, Field(ge=1, le=MAX_STAGES)] = 2
    salt: str = ""


class NoopParameters(Contract):
    number: int


class NoopResult(Contract):
    number: int


NOOP = TaskContract("noop", NoopParameters, NoopResult)


def plan(parameters: NoopJobParameters, _: StageResultContract | None) -> StagePlan:
    return StagePlan.of(
        [TaskDefinition(str(number), NoopParameters(number=number)) for number in range(parameters.tasks)]
    )


def summarize(_: NoopJobParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    return {"tasks": sum(stage.successful_tasks for stage in stages.values())}


def run(parameters: NoopParameters, _: TaskContext) -> NoopResult:
    return NoopResult(number=parameters.number)


def noop_catalogs(max_parallel_tasks: int) -> tuple[JobCatalog, TaskCatalog]:
    """Catalogs with nothing else; ``max_parallel_tasks`` sets how deep the queue gets."""
    jobs, tasks = JobCatalog(), TaskCatalog()
    jobs.register(
        JobRegistration(
            job_type=JOB_TYPE,
            description="Tasks that do nothing.",
            parameters=NoopJobParameters,
            stages=tuple(
                StageDefinition(f"stage_{number}", NOOP, plan, max_parallel_tasks=max_parallel_tasks)
                for number in range(1, MAX_STAGES + 1)
            ),
            summarize=summarize,
            example={"tasks": 1},
            stage_count=lambda parameters: parameters.stages,
        )
    )
    tasks.register(TaskInfo(NOOP, "Does nothing."), run)
    verify_catalogs(jobs, tasks)
    return jobs, tasks
