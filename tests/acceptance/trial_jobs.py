"""Job types whose tasks do what a test tells them, by files in a folder that both can see."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from interfaces.blobs import BlobInfo
from interfaces.handler import TaskContext
from registration import JobCatalog, TaskCatalog, verify_catalogs
from schema.errors import DatabaseUnavailableError, PermanentTaskError, RetryableTaskError
from schema.json_types import JSONObject
from schema.policies import FailureMode, FailurePolicy, RetryPolicy
from schema.results import Contract, StageResultContract
from schema.workflow import (
    AllStages,
    JobParameters,
    JobRegistration,
    StageDefinition,
    StagePlan,
    TaskContract,
    TaskDefinition,
    TaskInfo,
)
from tests.fakes.blobs import FakeBlobRepository

LEASE_SECONDS = 8.0
TIMEOUT_SECONDS = 1.0
SHORT_SECONDS = 2.0

_TICK_SECONDS = 0.01
_STUCK_SECONDS = 20.0

Act = Literal["work", "hold", "broken", "busy", "sleep", "read", "large", "away", "surprise"]


class TrialParameters(JobParameters):
    """``tasks`` tasks, of which those from ``first`` on do ``act``; the others work at once.

    ``payload`` is how many characters each task's parameters carry.
    """

    tasks: Annotated[int, Field(ge=1, le=5_000)] = 1
    first: Annotated[int, Field(ge=0)] = 0
    act: Act = "work"
    payload: Annotated[int, Field(ge=0, le=4_000_000)] = 0
    salt: str


class TrialTaskParameters(Contract):
    number: int
    act: Act
    salt: str
    payload: str = ""


class TrialTaskResult(Contract):
    number: int
    received: int
    text: str = ""


class EchoResult(Contract):
    number: int
    received: int


class MarkParameters(Contract):
    mark: str


class MarkResult(Contract):
    mark: str


TRIAL = TaskContract("trial", TrialTaskParameters, TrialTaskResult)
TIMED = TaskContract("trial_timed", TrialTaskParameters, TrialTaskResult)
ECHO = TaskContract("trial_echo", TrialTaskParameters, EchoResult)
MARK = TaskContract("trial_mark", MarkParameters, MarkResult)


class TrialBlobs(FakeBlobRepository):
    """Out of order until ``blobs`` are let go."""

    def info(self, container: str, blob: str) -> BlobInfo:
        if not switch("blobs").exists():
            raise RetryableTaskError("blob storage is out of order", "BLOB_UNAVAILABLE")
        return super().info(container, blob)


def trial_blobs() -> TrialBlobs:
    blobs = TrialBlobs()
    blobs.put("bronze", "trial.txt", b"trial")
    return blobs


def switch(salt: str) -> Path:
    """The file that lets held tasks go on, and broken ones succeed."""
    return Path(os.environ["TRIAL_FOLDER"]) / f"go-{salt}"


def run_trial(parameters: TrialTaskParameters, context: TaskContext) -> TrialTaskResult:
    _ACTS[parameters.act](parameters, context)
    text = "x" * 1_500_000 if parameters.act == "large" else ""
    return TrialTaskResult(number=parameters.number, received=len(parameters.payload), text=text)


def run_echo(parameters: TrialTaskParameters, context: TaskContext) -> EchoResult:
    """Tells how much text the task of the stage before left, found by its index and among all."""
    text = context.result_of(1, str(parameters.number))["text"]
    found = dict(context.results_of(1))[str(parameters.number)]["text"]
    assert text == found
    return EchoResult(number=parameters.number, received=len(str(text)))


def run_mark(parameters: MarkParameters, _: TaskContext) -> MarkResult:
    return MarkResult(mark=parameters.mark)


def _nothing(_: TrialTaskParameters, __: TaskContext) -> None:
    return


def _hold(parameters: TrialTaskParameters, context: TaskContext) -> None:
    while not switch(parameters.salt).exists():
        context.raise_if_stopped()
        time.sleep(_TICK_SECONDS)


def _broken(parameters: TrialTaskParameters, _: TaskContext) -> None:
    if not switch(parameters.salt).exists():
        raise PermanentTaskError("broken as it was asked to be", "TRIAL_BROKEN")


def _busy(_: TrialTaskParameters, context: TaskContext) -> None:
    """At its first attempt it never asks whether it should stop."""
    end = time.monotonic() + _STUCK_SECONDS
    while context.attempt == 1 and time.monotonic() < end:
        pass


def _sleep(_: TrialTaskParameters, context: TaskContext) -> None:
    """As one that hangs in native code: nothing reaches it."""
    if context.attempt == 1:
        time.sleep(_STUCK_SECONDS)


def _read(_: TrialTaskParameters, context: TaskContext) -> None:
    context.blobs.info("bronze", "trial.txt")


def _away(_: TrialTaskParameters, __: TaskContext) -> None:
    raise DatabaseUnavailableError("the database is away as it was asked to be")


def _surprise(_: TrialTaskParameters, __: TaskContext) -> None:
    raise KeyError("surprise")


_ACTS: dict[Act, Callable[[TrialTaskParameters, TaskContext], None]] = {
    "work": _nothing,
    "hold": _hold,
    "broken": _broken,
    "busy": _busy,
    "sleep": _sleep,
    "read": _read,
    "large": _nothing,
    "away": _away,
    "surprise": _surprise,
}


def plan(parameters: TrialParameters, _: StageResultContract | None) -> StagePlan:
    return StagePlan.of(
        [
            TaskDefinition(
                str(number),
                TrialTaskParameters(
                    number=number,
                    act=parameters.act if number >= parameters.first else "work",
                    salt=parameters.salt,
                    payload="p" * parameters.payload,
                ),
            )
            for number in range(parameters.tasks)
        ]
    )


def plan_mixed(parameters: TrialParameters, previous: StageResultContract | None) -> StagePlan:
    """A mark before the other tasks."""
    return StagePlan.of([TaskDefinition("mark", MarkParameters(mark="m")), *plan(parameters, previous).tasks])


def plan_nothing(_: TrialParameters, __: StageResultContract | None) -> StagePlan:
    return StagePlan.of([])


def plan_by_all(_: TrialParameters, stages: Mapping[int, StageResultContract]) -> StagePlan:
    """A mark for each task of the first stage."""
    marks = [MarkParameters(mark=task.task_type) for task in stages[1].task_results]
    return StagePlan.of([TaskDefinition(str(number), mark) for number, mark in enumerate(marks)])


def count(_: TrialParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    return {"tasks": sum(stage.successful_tasks for stage in stages.values())}


def collect(_: TrialParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    """A result that is too large for a row, too."""
    return {"tasks": sum(stage.successful_tasks for stage in stages.values()), "text": "y" * 1_200_000}


def _job(name: str, *stages: StageDefinition[Any], **options: Any) -> JobRegistration[Any]:
    return JobRegistration(
        job_type=name,
        description="For trials.",
        parameters=TrialParameters,
        stages=stages,
        summarize=options.pop("summarize", count),
        example={"salt": "a"},
        **options,
    )


_FAST = StageDefinition("acting", TRIAL, plan)
_TOLERANT = StageDefinition(
    "acting", TRIAL, plan, failure=FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=0)
)
_SHORT = timedelta(seconds=SHORT_SECONDS)

_JOBS = (
    _job("trial_fast", _FAST),
    _job("trial_tolerant", _TOLERANT),
    _job("trial_tried", _FAST, StageDefinition("echoes", ECHO, plan), _FAST, trial_stages=2),
    _job(
        "trial_mixed",
        StageDefinition("mixed", TRIAL, plan_mixed, alternatives=(MARK,)),
        StageDefinition("nothing", TRIAL, plan_nothing),
        StageDefinition("marks", MARK, AllStages(plan_by_all)),
    ),
    _job("trial_large", _FAST, StageDefinition("echoes", ECHO, plan), summarize=collect),
    _job("trial_short_stage", StageDefinition("acting", TRIAL, plan, timeout=_SHORT)),
    _job("trial_short_job", _FAST, timeout=_SHORT),
    _job("trial_one_at_a_time", _FAST, max_parallel_tasks=1),
    _job("trial_timed", StageDefinition("acting", TIMED, plan)),
)


def trial_catalogs() -> tuple[JobCatalog, TaskCatalog]:
    jobs, tasks = JobCatalog(), TaskCatalog()
    for job in _JOBS:
        jobs.register(job)
    retry = RetryPolicy(attempts=3, base_seconds=0, jitter=0)
    lease = timedelta(seconds=LEASE_SECONDS)
    tasks.register(TaskInfo(TRIAL, "Does as it is told.", lease=lease, retry=retry), run_trial)
    tasks.register(TaskInfo(MARK, "Leaves its mark.", lease=lease, retry=retry), run_mark)
    tasks.register(TaskInfo(ECHO, "Tells what the stage before left.", retry=retry), run_echo)
    timeout = timedelta(seconds=TIMEOUT_SECONDS)
    tasks.register(TaskInfo(TIMED, "Has little time.", timeout=timeout, retry=retry), run_trial)
    verify_catalogs(jobs, tasks)
    return jobs, tasks
