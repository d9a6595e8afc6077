"""Small job types whose outcome follows from their parameters alone, however often attempts are lost.

An attempt may be lost before it begins, so what a task does depends on its attempt's number only in the
direction of success: what fails on the first attempt goes well on any later one.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from interfaces.handler import TaskContext
from schema.errors import (
    PermanentTaskError,
    RetryableTaskError,
    TaskCancelledError,
    TaskDeferredError,
    TaskTimedOutError,
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
    AllStages,
    JobParameters,
    JobRegistration,
    Planner,
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
_LONG = timedelta(days=60)


class Behaviour(StrEnum):
    FINE = "fine"
    FLAKY = "flaky"
    THROTTLED = "throttled"
    SURPRISED = "surprised"
    SLOW = "slow"
    DEFERRED = "deferred"
    BROKEN = "broken"
    STOPPED = "stopped"
    HOPELESS = "hopeless"


_AT_FIRST: Mapping[Behaviour, Exception] = {
    Behaviour.FLAKY: RetryableTaskError("broken for now"),
    Behaviour.THROTTLED: ThrottledTaskError("too fast"),
    Behaviour.SURPRISED: KeyError("surprise"),
    Behaviour.SLOW: TaskTimedOutError("too slow"),
    Behaviour.DEFERRED: TaskDeferredError("not now", retry_after=5),
}
"""What an attempt meets that is the task's first."""
FAILING = frozenset({Behaviour.BROKEN, Behaviour.STOPPED, Behaviour.HOPELESS})


class WorkParameters(Contract):
    behaviour: Behaviour = Behaviour.FINE
    partner: str | None = None


class PartnerParameters(Contract):
    of: str


class WorkResult(Contract):
    attempt: int


class DecisionParameters(Contract):
    action: OrchestrationAction
    items: int


class DecisionResult(OrchestratingResult):
    attempt: int


WORK = TaskContract("work", WorkParameters, WorkResult)
PARTNER = TaskContract("partner", PartnerParameters, WorkResult)
DECISION = TaskContract("decision", DecisionParameters, DecisionResult)


@dataclass
class Recorder:
    """How often each attempt was run: (task id, attempt) -> times."""

    executions: Counter[tuple[str, int]] = field(default_factory=Counter)

    def handlers(self) -> Handlers:
        return (
            (TaskInfo(WORK, "Behaves.", lease=_LEASE, retry=_RETRY), self._work),
            (TaskInfo(PARTNER, "Reads what its partner left.", lease=_LEASE, retry=_RETRY), self._read),
            (TaskInfo(DECISION, "Decides.", lease=_LEASE, retry=_RETRY), self._decide),
        )

    def _work(self, parameters: WorkParameters, context: TaskContext) -> WorkResult:
        self.executions[context.task_id, context.attempt] += 1
        if parameters.partner is not None:
            context.result_of(1, parameters.partner)
        next(context.results_of(context.stage), None)  # time in which it may be told to stop
        context.raise_if_stopped()
        _behave(parameters.behaviour, context.attempt)
        return WorkResult(attempt=context.attempt)

    def _read(self, parameters: PartnerParameters, context: TaskContext) -> WorkResult:
        return self._work(WorkParameters(partner=parameters.of), context)

    def _decide(self, parameters: DecisionParameters, context: TaskContext) -> DecisionResult:
        self.executions[context.task_id, context.attempt] += 1
        decision = OrchestrationData(
            action=parameters.action, items=tuple(range(parameters.items)), item_count=parameters.items
        )
        return DecisionResult(orchestration=decision, attempt=context.attempt)


def _behave(behaviour: Behaviour, attempt: int) -> None:
    if attempt == 1 and behaviour in _AT_FIRST:
        raise _AT_FIRST[behaviour]
    if behaviour is Behaviour.BROKEN or (behaviour is Behaviour.HOPELESS and attempt > 2):
        raise PermanentTaskError("broken for good")
    if behaviour is Behaviour.HOPELESS:
        raise RetryableTaskError("broken for now")
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


def allowed_ends(registration: JobRegistration[Any], parameters: JobParameters) -> frozenset[JobStatus]:
    """How a run of a job with these parameters may end where nobody interferes."""
    tolerant = registration in (TOLERANT, SHARING)
    expected = _expected_status(parameters, tolerant=tolerant)
    return frozenset({expected, JobStatus.FAILED} if registration is HURRIED else {expected})


def _expected_status(parameters: JobParameters, *, tolerant: bool) -> JobStatus:
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


def _plan_sharing(parameters: FanOutParameters, _: StageResultContract | None) -> StagePlan:
    """Of the same tasks each names one of two tables."""
    plan = _plan_work(parameters, _)
    return StagePlan.of(
        [replace(task, resource=f"table {place % 2}") for place, task in enumerate(plan.tasks)]
    )


def _plan_partners(_: FanOutParameters, results: Mapping[int, StageResultContract]) -> StagePlan:
    """For each success of the first stage a task, of one type and the other in turn."""
    done = [task.task_index for task in results[1].task_results if task.status is TaskStatus.COMPLETED]
    return StagePlan.of(
        [
            TaskDefinition(
                f"partner of {index}",
                PartnerParameters(of=index) if place % 2 else WorkParameters(partner=index),
            )
            for place, index in enumerate(done)
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


def _fan_out(
    job_type: str, failure: FailurePolicy, plan: Planner[FanOutParameters] = _plan_work, **changes: Any
) -> JobRegistration[FanOutParameters]:
    stage_timeout = changes.pop("stage_timeout", _LONG)
    return JobRegistration(
        job_type=job_type,
        description="Works in parallel, then not at all, then once more for each success.",
        parameters=FanOutParameters,
        stages=(
            StageDefinition("work", WORK, plan, failure=failure, max_parallel_tasks=2, timeout=stage_timeout),
            StageDefinition("nothing", WORK, _plan_nothing, timeout=_LONG),
            StageDefinition(
                "partners",
                WORK,
                AllStages(_plan_partners),
                alternatives=(PARTNER,),
                max_parallel_tasks=3,
                timeout=_LONG,
            ),
        ),
        summarize=_summarize,
        example={"tasks": []},
        **{"timeout": _LONG, **changes},
    )


STRICT = _fan_out("strict", FailurePolicy())
TOLERANT = _fan_out("tolerant", FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=50))
LIMITED = _fan_out("limited", FailurePolicy(), _plan_sharing, max_parallel_tasks=1)
SHARING = _fan_out("sharing", FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=50), _plan_sharing)
HURRIED = _fan_out(
    "hurried", FailurePolicy(), timeout=timedelta(minutes=30), stage_timeout=timedelta(minutes=10)
)
DECIDED = JobRegistration(
    job_type="decided",
    description="Goes on as its tasks, its controller and its plans decide.",
    parameters=DecidedParameters,
    stages=(
        StageDefinition("decision", DECISION, _plan_decision, timeout=_LONG),
        StageDefinition(
            "items",
            WORK,
            _plan_items,
            decide=_decide_items,
            max_parallel_tasks=2,
            max_retries=MAX_RETRIES,
            timeout=_LONG,
        ),
        StageDefinition("third", WORK, _plan_third, timeout=_LONG),
    ),
    summarize=_summarize,
    timeout=_LONG,
    example={
        "first": "create_tasks",
        "items": 1,
        "retries": 0,
        "second": "create_tasks",
        "third": "create_tasks",
    },
)
FAN_OUTS = (STRICT, TOLERANT, LIMITED, SHARING, HURRIED)
JOB_TYPES: tuple[JobRegistration[Any], ...] = (*FAN_OUTS, DECIDED)
