"""The trials' own job types: tasks that leave a trace of every time they run and of what they made."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, LiteralString

from pydantic import Field

from interfaces.handler import TaskContext
from registration import JobCatalog, TaskCatalog, verify_catalogs
from repositories.postgres import Database
from schema.json_types import JSONObject
from schema.policies import RetryPolicy
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
from tests.faults.points import Faults

STURDY, FRAGILE = "sturdy", "fragile"
LEASE_SECONDS = 2.0
MAX_STAGES = 3
WINDOW = 6
FRAGILE_ATTEMPTS = 2

SCHEMA: LiteralString = """
create schema trial;
create table trial.executions (
    task_id text not null, attempt integer not null, pid integer not null,
    at timestamptz not null default clock_timestamp()
);
create table trial.effects (
    task_id text primary key, attempt integer not null, writes integer not null default 1
);
"""
_EXECUTED: LiteralString = "insert into trial.executions (task_id, attempt, pid) values (%s, %s, %s)"
_EFFECT: LiteralString = """
insert into trial.effects (task_id, attempt) values (%s, %s)
on conflict (task_id) do update set attempt = excluded.attempt, writes = effects.writes + 1
"""


class TrialJobParameters(JobParameters):
    """``salt`` tells jobs of the same size apart; ``work_ms`` is how long each task works."""

    tasks: Annotated[int, Field(ge=1, le=10_000)] = 12
    stages: Annotated[int, Field(ge=1, le=MAX_STAGES)] = 2
    work_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    salt: str = ""


class TrialParameters(Contract):
    number: int
    work_ms: int


class TrialResult(Contract):
    number: int
    attempt: int


@dataclass
class Work:
    """Runs tasks; ``database`` comes with the application."""

    faults: Faults
    pid: int
    database: Database | None = None

    def __call__(self, parameters: TrialParameters, context: TaskContext) -> TrialResult:
        assert self.database is not None
        self.database.execute(_EXECUTED, (context.task_id, context.attempt, self.pid))
        self.faults.reach("handler:begin", context.task_id)
        threading.Event().wait(parameters.work_ms / 1000)
        context.raise_if_stopped()
        self.database.execute(_EFFECT, (context.task_id, context.attempt))
        self.faults.reach("handler:committed", context.task_id)
        return TrialResult(number=parameters.number, attempt=context.attempt)


def plan(parameters: TrialJobParameters, _: StageResultContract | None) -> StagePlan:
    return StagePlan.of(
        [
            TaskDefinition(str(number), TrialParameters(number=number, work_ms=parameters.work_ms))
            for number in range(parameters.tasks)
        ]
    )


def summarize(_: TrialJobParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    return {"tasks": sum(stage.successful_tasks for stage in stages.values())}


def trial_catalogs(work: Work) -> tuple[JobCatalog, TaskCatalog]:
    """Two job types of the same tasks: one survives any number of lost attempts, one only a few."""
    jobs, tasks = JobCatalog(), TaskCatalog()
    for name, attempts in ((STURDY, 100), (FRAGILE, FRAGILE_ATTEMPTS)):
        contract: TaskContract[Any, Any] = TaskContract(name, TrialParameters, TrialResult)
        retry = RetryPolicy(attempts=attempts, base_seconds=0.05, factor=1, cap_seconds=0.1)
        lease = timedelta(seconds=LEASE_SECONDS)
        tasks.register(TaskInfo(contract, "Works.", lease, timedelta(minutes=1), retry), work)
        jobs.register(
            JobRegistration(
                job_type=name,
                description="Tasks that leave a trace.",
                parameters=TrialJobParameters,
                stages=tuple(
                    StageDefinition(f"stage_{number}", contract, plan, max_parallel_tasks=WINDOW)
                    for number in range(1, MAX_STAGES + 1)
                ),
                summarize=summarize,
                example={"tasks": 1},
                stage_count=lambda parameters: parameters.stages,
            )
        )
    verify_catalogs(jobs, tasks)
    return jobs, tasks
