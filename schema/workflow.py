"""What a job type is made of: contracts, stages, and the registrations that the catalogs hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeVar, final

from pydantic import BaseModel, ConfigDict, Field

from schema.errors import IncompleteCatalogError
from schema.json_types import JSONObject
from schema.policies import FailurePolicy, RetryPolicy
from schema.results import Contract, OrchestrationAction, OrchestrationData, StageResultContract

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

_Id = Annotated[str, Field(max_length=200)]


class JobParameters(BaseModel):
    """Base of every job type's parameters: closed to unknown fields, all of it the job's identity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset_id: _Id | None = None
    resource_id: _Id | None = None
    version_id: _Id | None = None


@dataclass(frozen=True)
class TaskContract(Generic[P, R]):
    """The typed parameters and result of a task type; controller and handler both name this object."""

    task_type: str
    parameters: type[P]
    result: type[R]


@dataclass(frozen=True)
class TaskDefinition:
    """One task of a plan: an index unique in its stage, and parameters that fit a contract of the stage.

    ``resource`` names what this task writes and no other may write meanwhile (a table, an item).
    """

    index: str
    parameters: Contract
    resource: str | None = None


@dataclass(frozen=True)
class StagePlan:
    """What a controller wants for a stage: tasks, or the end of the job instead."""

    action: OrchestrationAction = OrchestrationAction.CREATE_TASKS
    tasks: Sequence[TaskDefinition] = ()
    reason: str | None = None

    @classmethod
    def of(cls, tasks: Sequence[TaskDefinition]) -> "StagePlan":
        return cls(tasks=tasks)

    @classmethod
    def complete_job(cls, reason: str | None = None) -> "StagePlan":
        return cls(OrchestrationAction.COMPLETE_JOB, reason=reason)

    @classmethod
    def fail_job(cls, reason: str) -> "StagePlan":
        return cls(OrchestrationAction.FAIL_JOB, reason=reason)


Planner = Callable[[P, StageResultContract | None], StagePlan]


@final
@dataclass(frozen=True)
class AllStages(Generic[P]):
    """A planner that needs more than the previous stage: it gets the results of all of them by number."""

    function: Callable[[P, Mapping[int, StageResultContract]], StagePlan]


Decider = Callable[[P, StageResultContract], OrchestrationData]
Summarizer = Callable[[P, Mapping[int, StageResultContract]], JSONObject]


@dataclass(frozen=True)
class StageDefinition(Generic[P]):
    """One stage. ``plan`` makes its tasks from the parameters and the previous stage's result, or from the
    results of ``AllStages`` before it.

    Its tasks are of ``contract`` or of one of ``alternatives``, each of the one whose parameters it has.
    ``decide`` says what follows once it is finished; without it, what the stage's own task decided
    (``OrchestratingResult``), else the next stage, else completion. ``max_retries`` bounds how often
    a decision of ``retry_stage`` is obeyed before the job fails.
    """

    name: str
    contract: TaskContract[Any, Any]
    plan: Planner[P] | AllStages[P]
    decide: Decider[P] | None = None
    failure: FailurePolicy = field(default_factory=FailurePolicy)
    max_parallel_tasks: int = 200
    timeout: timedelta = timedelta(hours=24)
    max_retries: int = 3
    alternatives: tuple[TaskContract[Any, Any], ...] = ()

    @property
    def contracts(self) -> tuple[TaskContract[Any, Any], ...]:
        """All that its tasks may be of."""
        return (self.contract, *self.alternatives)

    def planned(self, parameters: P, number: int, results: Mapping[int, StageResultContract]) -> StagePlan:
        """What ``plan`` wants for this stage, the one with the number, after those with the results."""
        if isinstance(self.plan, AllStages):
            return self.plan.function(parameters, MappingProxyType({**results}))
        return self.plan(parameters, results.get(number - 1))


@dataclass(frozen=True)
class JobRegistration(Generic[P]):
    """A job type: what it is called, what it takes, its stages, and how its result is put together.

    ``stage_count`` says how many of the stages, from the first, a job with these parameters has.
    ``result`` describes what ``summarize`` makes, for callers who want to know it beforehand.
    ``max_parallel_tasks`` limits how many tasks of all its jobs run at once, ``timeout`` a run's time.
    So many of its first stages as ``trial_stages`` says only read, and take seconds: a dry run tries them.
    """

    job_type: str
    description: str
    parameters: type[P]
    stages: tuple[StageDefinition[P], ...]
    summarize: Summarizer[P]
    example: JSONObject
    stage_count: Callable[[P], int] | None = None
    result: type[BaseModel] | None = None
    max_parallel_tasks: int | None = None
    timeout: timedelta = timedelta(days=7)
    trial_stages: int = 0

    def total_stages(self, parameters: P) -> int:
        return len(self.stages) if self.stage_count is None else self.stage_count(parameters)

    def stage(self, number: int) -> StageDefinition[P]:
        """The stage with this number, counted from 1.

        Raises ``IncompleteCatalogError``: a job may be older than the job type's present definition.
        """
        if not 1 <= number <= len(self.stages):
            raise IncompleteCatalogError(f"job type {self.job_type!r} has no stage {number}")
        return self.stages[number - 1]


@dataclass(frozen=True)
class TaskInfo(Generic[P, R]):
    """A task type as its handler declares it.

    ``lease`` is how long a worker owns a task without a heartbeat; ``timeout`` how long one attempt may take.
    """

    contract: TaskContract[P, R]
    description: str
    lease: timedelta = timedelta(minutes=2)
    timeout: timedelta = timedelta(minutes=25)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
