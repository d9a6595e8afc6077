"""Turns what a controller wants for a stage into the stage to open, or the job to end instead."""

from typing import Any

from interfaces.catalogs import JobCatalog, TaskCatalog
from orchestration.contracts import controller_code, dumped, parsed
from orchestration.finishing import completed_job, failed_job
from schema.errors import ContractViolationError
from schema.identity import task_id_of
from schema.json_types import is_storable
from schema.records import JobRecord, NewTask, NextStep, OpenStage
from schema.results import OrchestrationAction, StageResultContract
from schema.workflow import StageDefinition, StagePlan, TaskContract, TaskDefinition

_MAX_INDEX = 1_000


class StagePlanner:
    """Pure: asks the controller, checks its answer, computes; no I/O."""

    def __init__(self, jobs: JobCatalog, tasks: TaskCatalog) -> None:
        self._jobs = jobs
        self._tasks = tasks

    def plan(
        self, job: JobRecord, stage: int, results: dict[int, StageResultContract], *, degraded: bool = False
    ) -> NextStep:
        """What follows for the stage, given the results of those before it.

        ``degraded`` says that an earlier stage had tolerated failures. Raises ``ContractViolationError``.
        """
        registration = self._jobs.get(job.job_type)
        definition = registration.stage(stage)
        parameters = parsed(registration.parameters, job.parameters, f"job {job.job_id}")
        producer = f"{job.job_type}.{definition.name}.plan"
        with controller_code(producer):
            plan = definition.planned(parameters, stage, results)
        if not isinstance(plan, StagePlan):  # pyright: ignore[reportUnnecessaryIsInstance] -- the boundary
            raise ContractViolationError("StagePlan", "/", producer, "a StagePlan")
        if plan.action is OrchestrationAction.CREATE_TASKS:
            return self._open(job, stage, definition, plan, producer)
        if plan.action is OrchestrationAction.COMPLETE_JOB:
            return completed_job(job, registration, parameters, results, degraded=degraded)
        if plan.action is OrchestrationAction.FAIL_JOB:
            return failed_job(job, "JOB_FAILED_BY_CONTROLLER", plan.reason or "no reason given", stage)
        raise ContractViolationError(
            "StagePlan", "/action", producer, "create_tasks, complete_job or fail_job"
        )

    def _open(
        self, job: JobRecord, stage: int, definition: StageDefinition[Any], plan: StagePlan, producer: str
    ) -> OpenStage:
        info = self._tasks.info(definition.contract.task_type)
        with controller_code(producer):
            tasks = tuple(plan.tasks)
        return OpenStage(
            job_id=job.job_id,
            run=job.run,
            stage=stage,
            task_type=definition.contract.task_type,
            tasks=_new_tasks(job, stage, definition, tasks, producer),
            max_parallel_tasks=definition.max_parallel_tasks,
            retry=info.retry,
            failure=definition.failure,
            lease=info.lease,
            task_timeout=info.timeout,
            stage_timeout=definition.timeout,
        )


def _new_tasks(
    job: JobRecord,
    stage: int,
    definition: StageDefinition[Any],
    tasks: tuple[object, ...],
    producer: str,
) -> tuple[NewTask, ...]:
    planned: dict[str, NewTask] = {}
    for task in tasks:
        wanted = _checked(task, producer)
        if wanted.index in planned:
            raise ContractViolationError(
                "StagePlan", "/tasks", producer, f"one task with the index {wanted.index!r}, not two"
            )
        contract = _contract_of(wanted.parameters, definition, producer)
        planned[wanted.index] = NewTask(
            task_id_of(job.job_id, job.run, stage, wanted.index),
            wanted.index,
            dumped(wanted.parameters, producer),
            resource=wanted.resource,
            task_type=None if contract is definition.contract else contract.task_type,
        )
    return tuple(planned.values())


def _contract_of(
    parameters: object, definition: StageDefinition[Any], producer: str
) -> TaskContract[Any, Any]:
    """The one contract of the stage that these are parameters of."""
    fitting = [each for each in definition.contracts if isinstance(parameters, each.parameters)]
    if len(fitting) == 1:
        return fitting[0]
    names = " or ".join(each.parameters.__name__ for each in definition.contracts)
    given = type(parameters).__name__
    expected = f"{names}, not both, as {given} is" if fitting else f"{names}, not {given}"
    raise ContractViolationError(names, "/", producer, expected)


def _checked(task: object, producer: str) -> TaskDefinition:
    if not isinstance(task, TaskDefinition):
        raise ContractViolationError("StagePlan", "/tasks", producer, "tasks that are TaskDefinitions")
    if not _is_index(task.index):
        expected = "an index of 1 to 1,000 characters, without U+0000 and lone surrogates"
        raise ContractViolationError("TaskDefinition", "/index", producer, expected)
    return task


def _is_index(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= _MAX_INDEX and is_storable(value)
