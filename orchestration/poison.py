"""Judges messages that went to a poison queue, by the state of the job or task that they name."""

import logging

from pydantic import TypeAdapter, ValidationError

from interfaces.alerts import AlertSink
from interfaces.log_ids import log_ids
from interfaces.repositories import DeadLetterRepository, JobRepository, StageRepository, TaskRepository
from interfaces.tracing import NO_TRACER, SpanKind, Tracer
from orchestration.intake import Delivery, dead_letter
from orchestration.relay import OutboxRelay
from schema.messages import JobQueueMessage, QueueMessage, TaskQueueMessage
from schema.records import DeadLetter, TaskRecord, Verdict
from schema.results import ErrorDetail
from schema.states import FINAL_JOB_STATES, FINAL_TASK_STATES, JobStatus, TaskStatus

_log = logging.getLogger(__name__)

_CODE = "UNHANDLED_POISON"
_MESSAGE = TypeAdapter[QueueMessage](QueueMessage)
_LEVELS = {
    Verdict.EXPECTED: logging.INFO,
    Verdict.SUPERSEDED: logging.INFO,
    Verdict.FINISHED: logging.WARNING,
    Verdict.UNKNOWN: logging.WARNING,
    Verdict.UNHANDLED: logging.CRITICAL,
}


class PoisonHandler:
    """State first: what ended already needs nothing but a record; what waits or runs is failed, so that its
    job goes on by its failure policy. A second delivery finds the state that the first one left."""

    def __init__(
        self,
        *,
        jobs: JobRepository,
        tasks: TaskRepository,
        stages: StageRepository,
        letters: DeadLetterRepository,
        relay: OutboxRelay,
        alerts: AlertSink,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._stages = stages
        self._letters = letters
        self._relay = relay
        self._alerts = alerts
        self._tracer = tracer

    def handle(self, delivery: Delivery) -> Verdict:
        """``delivery.queue`` is the queue that the message came from, without ``-poison``."""
        letter = dead_letter(
            delivery, _CODE, "the message could not be processed and went to the poison queue"
        )
        ids = {
            "job_id": letter.job_id,
            "task_id": letter.task_id,
            "correlation_id": letter.correlation_id,
        }
        parent = _traceparent_of(delivery)
        kind = SpanKind.CONSUMER
        with (
            log_ids(**ids),
            self._tracer.span("judge poison message", parent, kind, queue=letter.queue, **ids) as span,
        ):
            verdict = self._judge(delivery, letter, ids)
            span.note(outcome=verdict.value)
        return verdict

    def _judge(self, delivery: Delivery, letter: DeadLetter, ids: dict[str, str | None]) -> Verdict:
        verdict = self._verdict(delivery, letter)
        self._letters.judge(letter, verdict)
        facts = {
            "queue": letter.queue,
            **ids,
            "dequeue_count": letter.dequeue_count,
            "verdict": verdict.value,
        }
        _log.log(_LEVELS[verdict], "poison message was judged", extra=facts)
        if verdict is Verdict.UNHANDLED:
            self._alerts.alert("a message could not be processed and its work was failed", {**facts})
        return verdict

    def _verdict(self, delivery: Delivery, letter: DeadLetter) -> Verdict:
        if letter.task_id is not None:
            task = self._tasks.get(letter.task_id)
            if task is not None:
                return self._judge_task(task, _attempt_of(delivery))
        elif letter.job_id is not None:
            return self._judge_job(letter.job_id, _message_of(delivery))
        return Verdict.UNKNOWN

    def _judge_task(self, task: TaskRecord, attempt: int | None) -> Verdict:
        if task.status is TaskStatus.FAILED:
            return Verdict.EXPECTED
        if task.status in FINAL_TASK_STATES:
            return Verdict.FINISHED
        current = task.attempt if task.status is TaskStatus.PROCESSING else task.attempt + 1
        if attempt is not None and attempt < current:
            return Verdict.SUPERSEDED
        finish = self._tasks.fail(task.task_id, _error(task.stage, task.task_id))
        if finish is None:
            task = self._tasks.get(task.task_id) or task
            return _verdict_on_ended(failed=task.status is TaskStatus.FAILED)
        self._relay.dispatch(finish.outbox)
        self._relay.dispatch(self._stages.close(task.job_id, task.run, task.stage))
        return Verdict.UNHANDLED

    def _judge_job(self, job_id: str, message: JobQueueMessage | None) -> Verdict:
        job = self._jobs.get(job_id)
        if job is None:
            return Verdict.UNKNOWN
        if job.status is JobStatus.FAILED:
            return Verdict.EXPECTED
        if job.status in FINAL_JOB_STATES:
            return Verdict.FINISHED
        if message is not None and (message.run, message.stage) < (job.run, job.stage):
            return Verdict.SUPERSEDED
        if self._jobs.fail(job_id, job.run, _error(job.stage, None)):
            return Verdict.UNHANDLED
        job = self._jobs.get(job_id) or job
        return _verdict_on_ended(failed=job.status is JobStatus.FAILED)


def _verdict_on_ended(*, failed: bool) -> Verdict:
    """On what another delivery, or its worker, has ended between the look at it and the try to fail it."""
    return Verdict.EXPECTED if failed else Verdict.FINISHED


def _attempt_of(delivery: Delivery) -> int | None:
    try:
        return TaskQueueMessage.model_validate_json(delivery.body).attempt
    except ValidationError:
        return None


def _message_of(delivery: Delivery) -> JobQueueMessage | None:
    try:
        return JobQueueMessage.model_validate_json(delivery.body)
    except ValidationError:
        return None


def _traceparent_of(delivery: Delivery) -> str | None:
    try:
        return _MESSAGE.validate_json(delivery.body).traceparent
    except ValidationError:
        return None


def _error(stage: int, task_id: str | None) -> ErrorDetail:
    return ErrorDetail(
        code=_CODE,
        message="UNHANDLED POISON: a message of this work failed at every delivery; the log says why",
        stage=stage,
        task_id=task_id,
    )
