"""Finds out what follows a stage whose tasks have all ended; no state, and no I/O but for large values."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from interfaces.catalogs import JobCatalog
from interfaces.clock import Clock
from orchestration.aggregation import stage_result, with_decision
from orchestration.contracts import controller_code, dumped, instance_of, parsed
from orchestration.finishing import completed_job, failed_job
from orchestration.payloads import Payloads
from orchestration.planning import StagePlanner
from schema.errors import CatalogError, ContractViolationError, UnknownJobTypeError
from schema.records import FinishJob, JobRecord, NextStep, ReopenStage, StageRecord, TaskRecord
from schema.results import OrchestrationAction, OrchestrationData, StageResultContract
from schema.states import StageStatus, TaskStatus
from schema.workflow import JobRegistration, StageDefinition

BROKEN = (ContractViolationError, CatalogError, UnknownJobTypeError)
"""What fails a job for the fault of its controller or catalog."""

EarlierResults = Callable[[], Mapping[int, StageResultContract]]
"""Gives the results of the stages before one; called only where they are needed."""


class StageSettling:
    """The same for jobs and for dry runs that try their first stages."""

    def __init__(self, catalog: JobCatalog, planner: StagePlanner, payloads: Payloads, clock: Clock) -> None:
        self._catalog = catalog
        self._planner = planner
        self._payloads = payloads
        self._clock = clock

    def settled(
        self, job: JobRecord, stage: StageRecord, tasks: Iterable[TaskRecord], earlier: EarlierResults
    ) -> tuple[StageResultContract, NextStep]:
        """The result of the stage with all its ``tasks``, and the step that its controller wants then."""
        try:
            registration = self._catalog.get(job.job_type)
            definition = registration.stage(stage.stage)
        except (CatalogError, UnknownJobTypeError) as exc:
            return _unknown_result(stage, self._clock), failed_job(job, exc.code, str(exc), stage.stage)
        result = stage_result(stage, definition, tasks, self._clock.now())
        if result.status is StageStatus.FAILED and definition.decide is None:
            return result, failed_by_tasks(job, result)
        try:
            parameters = parsed(registration.parameters, job.parameters, f"job {job.job_id}")
            result = with_decision(result, definition.contract.result, self._payloads)
            result = _decided(job, definition, parameters, result)
            step = self._following(job, stage, registration, parameters, result, earlier=earlier)
        except BROKEN as exc:
            step = failed_job(job, exc.code, str(exc), stage.stage)
        return result, step

    def _following(
        self,
        job: JobRecord,
        stage: StageRecord,
        registration: JobRegistration[Any],
        parameters: Any,
        result: StageResultContract,
        *,
        earlier: EarlierResults,
    ) -> NextStep:
        definition = registration.stage(stage.stage)
        decision = _decision(job, result)
        if result.status is StageStatus.FAILED and decision.action is not OrchestrationAction.RETRY_STAGE:
            return failed_by_tasks(job, result)
        if decision.action is OrchestrationAction.RETRY_STAGE:
            return _retried(job, stage, definition, decision)
        if decision.action is OrchestrationAction.FAIL_JOB:
            reason = decision.reason or "no reason given"
            return failed_job(job, "JOB_FAILED_BY_CONTROLLER", reason, stage.stage)
        results = {**earlier(), stage.stage: result}
        if decision.action is OrchestrationAction.COMPLETE_JOB:
            return completed_job(job, registration, parameters, results, degraded=degraded(results))
        if stage.stage >= job.total_stages:
            producer = f"{job.job_type}.{definition.name}"
            raise ContractViolationError(
                "OrchestrationData", "/action", producer, "another action than create_tasks: no stage follows"
            )
        return self._planner.plan(job, stage.stage + 1, results, degraded=degraded(results))


def _decided(
    job: JobRecord, definition: StageDefinition[Any], parameters: Any, result: StageResultContract
) -> StageResultContract:
    """The result with the decision that its controller took, if it takes one."""
    if definition.decide is None:
        return result
    producer = f"{job.job_type}.{definition.name}.decide"
    with controller_code(producer):
        decided = definition.decide(parameters, result)
    dumped(instance_of(OrchestrationData, decided, producer), producer)
    return result.model_copy(update={"orchestration": decided})


def _decision(job: JobRecord, result: StageResultContract) -> OrchestrationData:
    if result.orchestration is not None:
        return result.orchestration
    last = result.stage_number >= job.total_stages
    return OrchestrationData(
        action=OrchestrationAction.COMPLETE_JOB if last else OrchestrationAction.CREATE_TASKS
    )


def _retried(
    job: JobRecord, stage: StageRecord, definition: StageDefinition[Any], decision: OrchestrationData
) -> NextStep:
    if stage.retries < definition.max_retries:
        return ReopenStage(job.job_id, job.run, stage.stage)
    message = f"stage {stage.stage} was retried {stage.retries} times; {decision.reason or 'no reason given'}"
    return failed_job(job, "STAGE_RETRIES_EXHAUSTED", message, stage.stage)


def failed_by_tasks(job: JobRecord, result: StageResultContract) -> FinishJob:
    """The end of a job whose stage failed, with the error of the first task that did."""
    failed = [task for task in result.task_results if task.status is TaskStatus.FAILED]
    first = next((task for task in failed if task.error_details is not None), None)
    if first is None or first.error_details is None:
        message = f"stage {result.stage_number} reached {result.success_rate:.1f} % success"
        return failed_job(job, "STAGE_FAILED", message, result.stage_number)
    error = first.error_details
    return failed_job(job, error.code, error.message, result.stage_number, first.task_id)


def degraded(results: Mapping[int, StageResultContract]) -> bool:
    """Whether one of the stages had failures that were tolerated."""
    return any(result.status is StageStatus.COMPLETED_WITH_ERRORS for result in results.values())


def _unknown_result(stage: StageRecord, clock: Clock) -> StageResultContract:
    return StageResultContract(
        stage_number=stage.stage,
        stage_key=str(stage.stage),
        status=StageStatus.FAILED,
        task_count=stage.expected,
        successful_tasks=0,
        failed_tasks=0,
        success_rate=0.0,
        task_results=(),
        completed_at=clock.now(),
    )
