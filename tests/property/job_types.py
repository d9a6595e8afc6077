"""Three small job types whose outcome follows from their parameters alone, however often attempts are lost.

An attempt may be lost before it begins, so what a task does depends on its attempt's number only in the
direction of success: what fails on the first attempt goes well on any later one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from interfaces.handler import TaskContext
from schema.errors import (
    PermanentTaskError,
    RetryableTaskError,
    TaskCancelledError,
    ThrottledTaskError,
)
from schema.json_types import JSONObject
from schema.policies import FailureMode, FailurePolicy, RetryPolicy
from schema.results import (
    Contract,
    OrchestratingResult,
    OrchestrationAction,
    OrchestrationData,
    StageResultContract,
)
from schema.states import JobStatus, TaskStatus
from schema.workflow import (
    JobParameters,
    JobRegistration,
    StageDefinition,
    StagePlan,
    TaskContract,
    TaskDefinition,
    TaskInfo,
)
from tests.support.system import Handlers

MAX_RETRIES = 2
_RETRY = RetryPolicy(attempts=100, base_seconds=1, factor=2, cap_seconds=30)
_LEASE = timedelta(minutes=2)


class Behaviour(StrEnum):
    FINE = "fine"
    FLAKY = "flaky"
    THROTTLED = "throttled"
    SURPRISED = "surprised"
    BROKEN = "broken"
    STOPPED = "stopped"
    HOPELESS = "hopeless"


FAILING = frozenset({Behaviour.BROKEN, Behaviour.STOPPED, Behaviour.HOPELESS})


class WorkParameters(Contract):
    behaviour: Behaviour = Behaviour.FINE
    partner: str | None = None


class WorkResult(Contract):
    attempt: int


class DecisionParameters(Contract):
    action: OrchestrationAction
    items: int


class DecisionResult(OrchestratingResult):
    attempt: int


WORK = TaskContract("work", WorkParameters, WorkResult)
DECISION = TaskContract("decision", DecisionParameters, DecisionResult)


@dataclass
class Recorder:
    """How often each attempt was run: (task id, attempt) -> times."""

    executions: Counter[tuple[str, int]] = field(default_factory=Counter)

    def handlers(self) -> Handlers:
        return (
            (TaskInfo(WORK, "Behaves.", lease=_LEASE, retry=_RETRY), self._work),
            (TaskInfo(DECISION, "Decides.", lease=_LEASE, retry=_RETRY), self._decide),
        )

    def _work(self, parameters: WorkParameters, context: TaskContext) -> WorkResult:
        self.executions[context.task_id, context.attempt] += 1
        if parameters.partner is not None:
            context.result_of(1, parameters.partner)
        _behave(parameters.behaviour, context.attempt)
        return WorkResult(attempt=context.attempt)

    def _decide(self, parameters: DecisionParameters, context: TaskContext) -> DecisionResult:
        self.executions[context.task_id, context.attempt] += 1
        decision = OrchestrationData(
            action=parameters.action, items=tuple(range(parameters.items)), item_count=parameters.items
        )
        return DecisionResult(orchestration=decision, attempt=context.attempt)


def _behave(behaviour: Behaviour, attempt: int) -> None:
    first = attempt == 1
    if behaviour is Behaviour.BROKEN or (behaviour is Behaviour.HOPELESS and attempt > 2):
        raise PermanentTaskError("broken for good")
    if behaviour is Behaviour.HOPELESS or (behaviour is Behaviour.FLAKY and first):
        raise RetryableTaskError("broken for now")
    if behaviour is Behaviour.THROTTLED and first:
        raise ThrottledTaskError("too fast")
    if behaviour is Behaviour.SURPRISED and first:
        raise KeyError("surprise")
    if behaviour is Behaviour.STOPPED:
        raise TaskCancelledError("stopped")


class FanOutParameters(JobParameters):
    tasks: tuple[Behaviour, ...]


class DecidedParameters(JobParameters):
    """``first`` is decided by a task, ``second`` by the controller after ``retries``, ``third`` in a plan."""

    first: OrchestrationAction
    items: int
    retries: int
    second: OrchestrationAction
    third: OrchestrationAction


def expected_status(parameters: JobParameters, *, tolerant: bool) -> JobStatus:
    """How a job with these parameters must end."""
    if isinstance(parameters, DecidedParameters):
        return _expected_of_decided(parameters)
    assert isinstance(parameters, FanOutParameters)
    failing = sum(behaviour in FAILING for behaviour in parameters.tasks)
    if not failing:
        return JobStatus.COMPLETED
    tolerated = tolerant and 2 * failing <= len(parameters.tasks)
    return JobStatus.COMPLETED_WITH_ERRORS if tolerated else JobStatus.FAILED


def _expected_of_decided(parameters: DecidedParameters) -> JobStatus:
    actions = [parameters.first, parameters.second, parameters.third]
    retried_too_often = parameters.retries > MAX_RETRIES
    for place, action in enumerate(actions):
        if place == 1 and retried_too_often:
            return JobStatus.FAILED
        if action is not OrchestrationAction.CREATE_TASKS:
            return JobStatus.FAILED if action is OrchestrationAction.FAIL_JOB else JobStatus.COMPLETED
    return JobStatus.COMPLETED


def _plan_work(parameters: FanOutParameters, _: StageResultContract | None) -> StagePlan:
    return StagePlan.of(
        [
            TaskDefinition(f"{place}/{behaviour}", WorkParameters(behaviour=behaviour))
            for place, behaviour in enumerate(parameters.tasks)
        ]
    )


def _plan_partners(_: FanOutParameters, previous: StageResultContract | None) -> StagePlan:
    done = [] if previous is None else previous.task_results
    return StagePlan.of(
        [
            TaskDefinition(f"partner of {task.task_index}", WorkParameters(partner=task.task_index))
            for task in done
            if task.status is TaskStatus.COMPLETED
        ]
    )


def _plan_nothing(_: Any, __: StageResultContract | None) -> StagePlan:
    return StagePlan.of([])


def _plan_decision(parameters: DecidedParameters, _: StageResultContract | None) -> StagePlan:
    return StagePlan.of(
        [TaskDefinition("decide", DecisionParameters(action=parameters.first, items=parameters.items))]
    )


def _plan_items(_: DecidedParameters, previous: StageResultContract | None) -> StagePlan:
    assert previous is not None
    assert previous.orchestration is not None
    return StagePlan.of(
        [TaskDefinition(f"item {item}", WorkParameters()) for item in previous.orchestration.items]
    )


def _decide_items(parameters: DecidedParameters, result: StageResultContract) -> OrchestrationData:
    retries = result.metadata["retries"]
    assert isinstance(retries, int)
    again = retries < parameters.retries
    return OrchestrationData(action=OrchestrationAction.RETRY_STAGE if again else parameters.second)


def _plan_third(parameters: DecidedParameters, _: StageResultContract | None) -> StagePlan:
    tasks = [TaskDefinition("last", WorkParameters(behaviour=Behaviour.FLAKY))]
    return StagePlan(parameters.third, tasks, "as the parameters say")


def _summarize(_: Any, stages: Mapping[int, StageResultContract]) -> JSONObject:
    return {"tasks": [stage.task_count for _, stage in sorted(stages.items())]}


def _fan_out(job_type: str, failure: FailurePolicy) -> JobRegistration[FanOutParameters]:
    return JobRegistration(
        job_type=job_type,
        description="Works in parallel, then once more for each success, then not at all.",
        parameters=FanOutParameters,
        stages=(
            StageDefinition("work", WORK, _plan_work, failure=failure, max_parallel_tasks=2),
            StageDefinition("partners", WORK, _plan_partners, max_parallel_tasks=3),
            StageDefinition("nothing", WORK, _plan_nothing),
        ),
        summarize=_summarize,
        example={"tasks": []},
    )


STRICT = _fan_out("strict", FailurePolicy())
TOLERANT = _fan_out("tolerant", FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=50))
DECIDED = JobRegistration(
    job_type="decided",
    description="Goes on as its tasks, its controller and its plans decide.",
    parameters=DecidedParameters,
    stages=(
        StageDefinition("decision", DECISION, _plan_decision),
        StageDefinition(
            "items", WORK, _plan_items, decide=_decide_items, max_parallel_tasks=2, max_retries=MAX_RETRIES
        ),
        StageDefinition("third", WORK, _plan_third),
    ),
    summarize=_summarize,
    example={
        "first": "create_tasks",
        "items": 1,
        "retries": 0,
        "second": "create_tasks",
        "third": "create_tasks",
    },
)
JOB_TYPES: tuple[JobRegistration[Any], ...] = (STRICT, TOLERANT, DECIDED)
