"""Small job types and handlers that the tests put together as they need them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from interfaces.handler import TaskContext
from orchestration.submission import Caller
from schema.json_types import JSONObject
from schema.policies import FailureMode, FailurePolicy, RetryPolicy
from schema.records import JobRecord
from schema.results import (
    Contract,
    OrchestratingResult,
    OrchestrationAction,
    OrchestrationData,
    StageResultContract,
)
from schema.states import JobStatus
from schema.workflow import (
    JobParameters,
    JobRegistration,
    StageDefinition,
    StagePlan,
    TaskContract,
    TaskDefinition,
    TaskInfo,
)
from tests.fakes.rows import TaskRow
from tests.support.system import FakeSystem, Handlers, System

CALLER = Caller("corr-1")
TOLERANT = FailurePolicy(mode=FailureMode.TOLERATE, min_success_rate=50)


class TrialParameters(JobParameters):
    n: int = 2


class WorkParameters(Contract):
    number: int


class WorkResult(Contract):
    number: int
    processed_items: int = 1


class DecidingResult(OrchestratingResult):
    pass


class OtherParameters(Contract):
    text: str


class OtherResult(Contract):
    text: str


WORK = TaskContract("work", WorkParameters, WorkResult)
OTHER = TaskContract("other", OtherParameters, OtherResult)
DECIDE = TaskContract("decide", WorkParameters, DecidingResult)


def run_work(parameters: WorkParameters, _: TaskContext) -> WorkResult:
    return WorkResult(number=parameters.number)


def run_other(parameters: OtherParameters, _: TaskContext) -> OtherResult:
    return OtherResult(text=parameters.text)


def handlers(work: Callable[..., Any] = run_work, decide: Callable[..., Any] = run_work) -> Handlers:
    """Without jitter and with three attempts, 10 s apart."""
    retry = RetryPolicy(attempts=3, base_seconds=10, factor=1, jitter=0)
    return (
        (TaskInfo(WORK, "Works.", lease=timedelta(minutes=2), retry=retry), work),
        (TaskInfo(DECIDE, "Decides.", retry=retry), decide),
        (TaskInfo(OTHER, "Does something else.", retry=retry), run_other),
    )


def deciding(action: OrchestrationAction, *items: int, reason: str | None = None) -> Callable[..., Any]:
    """A handler whose task decides."""
    decision = OrchestrationData(action=action, items=items, item_count=len(items), reason=reason)
    return lambda _parameters, _context: DecidingResult(orchestration=decision)


def work(n: int) -> list[TaskDefinition]:
    return [TaskDefinition(str(number), WorkParameters(number=number)) for number in range(n)]


def plan_n(parameters: TrialParameters, _: StageResultContract | None) -> StagePlan:
    return StagePlan.of(work(parameters.n))


def planning(plan: Any) -> Callable[..., Any]:
    """A planner that always gives this."""
    return lambda _parameters, _previous: plan


def raising(error: Exception) -> Callable[..., Any]:
    def function(*_: Any) -> Any:
        raise error

    return function


def count_tasks(_: Any, stages: Mapping[int, StageResultContract]) -> JSONObject:
    return {"tasks": [stage.task_count for _, stage in sorted(stages.items())]}


def stage(plan: Any = plan_n, name: str = "working", **options: Any) -> StageDefinition[Any]:
    return StageDefinition(name, options.pop("contract", WORK), plan, **options)


def job_type(*stages: StageDefinition[Any], **options: Any) -> Sequence[JobRegistration[Any]]:
    values = {"summarize": count_tasks, "stage_count": None, **options}
    registration = JobRegistration(
        job_type="trial",
        description="For trials.",
        parameters=TrialParameters,
        stages=stages or (stage(),),
        example={"n": 1},
        **values,
    )
    return (registration,)


def ended(system: System, parameters: JSONObject | None = None) -> JobRecord:
    """The job after everything that follows from its submission."""
    submission = system.submit("trial", parameters or {})
    system.run_until_quiet()
    return system.job(submission.job.job_id)


def result_of(system: FakeSystem, job: JobRecord, number: int = 1) -> StageResultContract:
    row = system.repositories.stages.get(job.job_id, job.run, number)
    assert row is not None
    assert row.result is not None
    return row.result


def error_code(job: JobRecord) -> str | None:
    assert job.status is JobStatus.FAILED
    return None if job.error is None else job.error.code


def run(system: FakeSystem) -> TaskRow:
    """The only task after its message was delivered."""
    failure = system.deliver(system.queue.visible()[0])
    assert failure is None
    return only_task(system)


def only_task(system: FakeSystem) -> TaskRow:
    (task,) = system.database.tables.tasks.values()
    return task
