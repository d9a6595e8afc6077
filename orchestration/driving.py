"""Drives a job: on a hint that something is to be done for a stage, finds out what and does it once."""

import logging
from dataclasses import replace

from interfaces.catalogs import JobCatalog
from interfaces.clock import Clock
from interfaces.repositories import JobRepository, StageRepository
from interfaces.tracing import NO_TRACER, Span, SpanKind, Tracer
from orchestration.finishing import failed_job
from orchestration.payloads import Payloads
from orchestration.planning import StagePlanner
from orchestration.relay import OutboxRelay
from orchestration.settling import BROKEN, StageSettling, degraded
from schema.errors import MessageLookupError
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
from schema.results import StageResultContract
from schema.states import FINAL_JOB_STATES, StageStatus

_log = logging.getLogger(__name__)


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
        self._settling = StageSettling(catalog, planner, payloads, clock)
        self._planner = planner
        self._jobs = jobs
        self._stages = stages
        self._relay = relay
        self._payloads = payloads
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
            step = self._planner.plan(job, stage, results, degraded=degraded(results))
        except BROKEN as exc:
            step = failed_job(job, exc.code, str(exc), stage)
        step = self._payloads.step(step)
        if isinstance(step, OpenStage):
            done = self._stages.open(step)
        else:
            done = isinstance(step, FinishJob) and self._jobs.finish(replace(step, unopened=True))
        return _report(job, stage, step, done=done)

    def _advance(self, job: JobRecord, stage: StageRecord) -> str:
        tasks = self._stages.task_results(job.job_id, job.run, stage.stage)
        result, step = self._settling.settled(
            job, stage, tasks, lambda: self._earlier_results(job, stage.stage)
        )
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

    def _earlier_results(self, job: JobRecord, stage: int) -> dict[int, StageResultContract]:
        stages = self._stages.list(job.job_id, job.run)
        return {
            row.stage: self._payloads.stage_result(row.result, row.result_ref)
            for row in stages
            if row.stage < stage and row.result is not None
        }


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
