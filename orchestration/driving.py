"""Drives a job: on a hint that something is to be done for a stage, finds out what and does it once."""

import logging
from dataclasses import replace
from typing import Any

from interfaces.catalogs import JobCatalog
from interfaces.clock import Clock
from interfaces.repositories import JobRepository, StageRepository
from interfaces.tracing import NO_TRACER, Span, SpanKind, Tracer
from orchestration.aggregation import stage_result, with_decision
from orchestration.contracts import controller_code, dumped, instance_of, parsed
from orchestration.finishing import completed_job, failed_job
from orchestration.payloads import Payloads
from orchestration.planning import StagePlanner
from orchestration.relay import OutboxRelay
from schema.errors import CatalogError, ContractViolationError, MessageLookupError, UnknownJobTypeError
from schema.messages import JobQueueMessage
from schema.records import (
    FinishJob,
    JobRecord,
    NextStep,
    OpenStage,
    ReopenStage,
    StageRecord,
    StageSettlement,
)
from schema.results import OrchestrationAction, OrchestrationData, StageResultContract
from schema.states import FINAL_JOB_STATES, StageStatus, TaskStatus
from schema.workflow import JobRegistration, StageDefinition

_log = logging.getLogger(__name__)

_BROKEN = (ContractViolationError, CatalogError, UnknownJobTypeError)


class JobDriver:
    """The message says where to look; the database says what there is to do.

    So a message may come twice, late or never: what is done already is not done again.
    """

    def __init__(
        self,
        *,
        catalog: JobCatalog,
        planner: StagePlanner,
        jobs: JobRepository,
        stages: StageRepository,
        relay: OutboxRelay,
        payloads: Payloads,
        clock: Clock,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._catalog = catalog
        self._planner = planner
        self._jobs = jobs
        self._stages = stages
        self._relay = relay
        self._payloads = payloads
        self._clock = clock
        self._tracer = tracer

    def handle(self, message: JobQueueMessage) -> None:
        """Open, close or settle the stage that the message names, as its state demands.

        Raises ``MessageLookupError`` where there is no such job.
        """
        kind = SpanKind.CONSUMER
        with self._tracer.span("drive job", message.traceparent, kind, **message.ids()) as span:
            span.note(outcome=self._drive(message, span))

    def _drive(self, message: JobQueueMessage, span: Span) -> str:
        job = self._jobs.get(message.job_id)
        if job is None:
            raise MessageLookupError(f"no job has the id {message.job_id}")
        span.note(job_type=job.job_type)
        if job.run != message.run or job.status in FINAL_JOB_STATES:
            _log.info("message of a run that is over was dropped", extra=_facts(job, message.stage))
            return "run is over"
        stage = self._stages.get(job.job_id, job.run, message.stage)
        outcome = "stage is settled"
        if stage is None:
            span.rename("plan stage")
            outcome = self._start(job, message.stage)
        elif stage.status is StageStatus.OPEN:
            span.rename("close stage")
            rows = self._stages.close(job.job_id, job.run, stage.stage)
            self._relay.dispatch(rows)
            outcome = "stage closed" if rows else "stage is not done"
        elif stage.status is StageStatus.CLOSING:
            span.rename("advance")
            outcome = self._advance(job, stage)
        self._relay.drain()
        return outcome

    def _start(self, job: JobRecord, stage: int) -> str:
        if stage != job.stage:
            _log.info("message of a stage that is not due was dropped", extra=_facts(job, stage))
            return "stage is not due"
        results = self._earlier_results(job, stage)
        try:
            step = self._planner.plan(job, stage, results, degraded=_degraded(results))
        except _BROKEN as exc:
            step = failed_job(job, exc.code, str(exc), stage)
        step = self._payloads.step(step)
        if isinstance(step, OpenStage):
            done = self._stages.open(step)
        else:
            done = isinstance(step, FinishJob) and self._jobs.finish(replace(step, unopened=True))
        return _report(job, stage, step, done=done)

    def _advance(self, job: JobRecord, stage: StageRecord) -> str:
        result, step = self._settled(job, stage)
        settlement = StageSettlement(
            job_id=job.job_id,
            run=job.run,
            stage=stage.stage,
            status=result.status,
            completed=result.successful_tasks,
            failed=result.failed_tasks,
            result=result,
            round=stage.round,
        )
        done = self._stages.settle(self._payloads.settlement(settlement), self._payloads.step(step))
        return _report(job, stage.stage, step, done=done)

    def _settled(self, job: JobRecord, stage: StageRecord) -> tuple[StageResultContract, NextStep]:
        try:
            registration = self._catalog.get(job.job_type)
            definition = registration.stage(stage.stage)
        except (CatalogError, UnknownJobTypeError) as exc:
            return _unknown_result(stage, self._clock), failed_job(job, exc.code, str(exc), stage.stage)
        tasks = self._stages.task_results(job.job_id, job.run, stage.stage)
        result = stage_result(stage, definition, tasks, self._clock.now())
        if result.status is StageStatus.FAILED and definition.decide is None:
            return result, _failed_by_tasks(job, result)
        try:
            parameters = parsed(registration.parameters, job.parameters, f"job {job.job_id}")
            result = with_decision(result, definition.contract.result, self._payloads)
            result = _decided(job, definition, parameters, result)
            step = self._following(job, stage, registration, parameters, result)
        except _BROKEN as exc:
            step = failed_job(job, exc.code, str(exc), stage.stage)
        return result, step

    def _following(
        self,
        job: JobRecord,
        stage: StageRecord,
        registration: JobRegistration[Any],
        parameters: Any,
        result: StageResultContract,
    ) -> NextStep:
        definition = registration.stage(stage.stage)
        decision = _decision(job, result)
        if result.status is StageStatus.FAILED and decision.action is not OrchestrationAction.RETRY_STAGE:
            return _failed_by_tasks(job, result)
        if decision.action is OrchestrationAction.RETRY_STAGE:
            return _retried(job, stage, definition, decision)
        if decision.action is OrchestrationAction.FAIL_JOB:
            reason = decision.reason or "no reason given"
            return failed_job(job, "JOB_FAILED_BY_CONTROLLER", reason, stage.stage)
        results = {**self._earlier_results(job, stage.stage), stage.stage: result}
        degraded = _degraded(results)
        if decision.action is OrchestrationAction.COMPLETE_JOB:
            return completed_job(job, registration, parameters, results, degraded=degraded)
        if stage.stage >= job.total_stages:
            producer = f"{job.job_type}.{definition.name}"
            raise ContractViolationError(
                "OrchestrationData", "/action", producer, "another action than create_tasks: no stage follows"
            )
        return self._planner.plan(job, stage.stage + 1, results, degraded=degraded)

    def _earlier_results(self, job: JobRecord, stage: int) -> dict[int, StageResultContract]:
        stages = self._stages.list(job.job_id, job.run)
        return {
            row.stage: self._payloads.stage_result(row.result, row.result_ref)
            for row in stages
            if row.stage < stage and row.result is not None
        }


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


def _failed_by_tasks(job: JobRecord, result: StageResultContract) -> FinishJob:
    failed = [task for task in result.task_results if task.status is TaskStatus.FAILED]
    first = next((task for task in failed if task.error_details is not None), None)
    if first is None or first.error_details is None:
        message = f"stage {result.stage_number} reached {result.success_rate:.1f} % success"
        return failed_job(job, "STAGE_FAILED", message, result.stage_number)
    error = first.error_details
    return failed_job(job, error.code, error.message, result.stage_number, first.task_id)


def _degraded(results: dict[int, StageResultContract]) -> bool:
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


def _report(job: JobRecord, stage: int, step: NextStep, *, done: bool) -> str:
    """Log what was done, and return it for the span."""
    if not done:
        _log.info("another delivery was first", extra=_facts(job, stage))
        return "another delivery was first"
    if isinstance(step, OpenStage):
        _log.info("stage opened", extra={**_facts(job, step.stage), "tasks": len(step.tasks)})
        return "stage opened"
    if isinstance(step, ReopenStage):
        _log.info("stage reopened", extra=_facts(job, stage))
        return "stage reopened"
    _log.info("job finished", extra={**_facts(job, stage), "status": step.status.value})
    return f"job {step.status.value}"


def _facts(job: JobRecord, stage: int) -> dict[str, object]:
    return {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "run": job.run,
        "stage": stage,
        "correlation_id": job.correlation_id,
    }
