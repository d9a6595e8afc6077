"""Runs one attempt of one task: claim, handler, finish."""

import logging
from uuid import uuid4

from interfaces.blobs import BlobRepository
from interfaces.catalogs import TaskCatalog
from interfaces.clock import Clock
from interfaces.repositories import StageRepository, TaskRepository
from interfaces.sandbox import Sandbox
from interfaces.tracing import NO_TRACER, Span, SpanKind, Tracer
from orchestration.bounded_calls import BoundedCalls
from orchestration.context import RunningTaskContext
from orchestration.handling import handled
from orchestration.leases import Lease, LeaseKeeper
from orchestration.payloads import Payloads
from orchestration.relay import OutboxRelay
from schema.errors import (
    CatalogError,
    ContractViolationError,
    DatabaseUnavailableError,
    LeaseLostError,
    MessageLookupError,
    PermanentTaskError,
    ServiceUnavailableError,
    TaskCancelledError,
    TaskDeferredError,
    TaskError,
    TaskTimedOutError,
    ThrottledTaskError,
)
from schema.json_types import storable_text
from schema.messages import TaskQueueMessage
from schema.policies import ErrorClass
from schema.records import (
    AttemptFailed,
    AttemptOutcome,
    AttemptSucceeded,
    ClaimedTask,
    ClaimOutcome,
    Finish,
    FinishOutcome,
    LeaseState,
)
from schema.results import ErrorDetail

_log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 10.0


class TaskRunner:
    """Two round trips to the database for a task, whatever the size of its stage."""

    def __init__(
        self,
        *,
        catalog: TaskCatalog,
        tasks: TaskRepository,
        stages: StageRepository,
        keeper: LeaseKeeper,
        calls: BoundedCalls,
        payloads: Payloads,
        relay: OutboxRelay,
        blobs: BlobRepository,
        sandbox: Sandbox,
        clock: Clock,
        worker: str,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._catalog = catalog
        self._tasks = tasks
        self._stages = stages
        self._keeper = keeper
        self._calls = calls
        self._payloads = payloads
        self._relay = relay
        self._blobs = blobs
        self._sandbox = sandbox
        self._clock = clock
        self._worker = worker
        self._tracer = tracer

    def handle(self, message: TaskQueueMessage) -> None:
        """Claim the attempt that the message names and run it; where it is not to be had, do nothing.

        Raises ``MessageLookupError`` where there is no such task.
        """
        kind = SpanKind.CONSUMER
        with self._tracer.span("run task", message.traceparent, kind, **message.ids()) as span:
            span.note(outcome=self._handle(message, span))

    def _handle(self, message: TaskQueueMessage, span: Span) -> str:
        claim = self._tasks.claim(message.task_id, message.attempt, self._worker, uuid4())
        if claim.task is not None:
            return self._attempt(claim.task, message, span)
        if claim.outcome is ClaimOutcome.UNKNOWN:
            raise MessageLookupError(f"no task has the id {message.task_id}")
        _log.info("task was not claimed", extra={**message.ids(), "outcome": claim.outcome.value})
        if claim.outcome is ClaimOutcome.NOT_DUE:
            self._relay.drain()
        elif claim.outcome in (ClaimOutcome.FINAL, ClaimOutcome.SKIPPED):
            self._relay.dispatch(self._stages.close(message.job_id, message.run, message.stage))
        return f"not claimed: {claim.outcome.value}"

    def _attempt(self, task: ClaimedTask, message: TaskQueueMessage, span: Span) -> str:
        started = self._clock.monotonic()
        span.note(task_type=task.task_type)
        try:
            with self._keeper.hold(task, message.correlation_id) as lease:
                outcome = self._run(task, message, lease)
                if isinstance(outcome, AttemptFailed):
                    span.fail(outcome.error.code)
                finish = self._finish(task, outcome, lease)
        except LeaseLostError:
            _log.warning("attempt abandoned, its lease is lost", extra=message.ids())
            return FinishOutcome.LOST.value
        self._relay.dispatch(finish.outbox)
        level = logging.WARNING if finish.outcome is FinishOutcome.LOST else logging.INFO
        elapsed_ms = round((self._clock.monotonic() - started) * 1000, 1)
        _log.log(
            level,
            "attempt finished",
            extra={**message.ids(), "outcome": finish.outcome.value, "elapsed_ms": elapsed_ms},
        )
        return finish.outcome.value

    def _finish(self, task: ClaimedTask, outcome: AttemptOutcome, lease: Lease) -> Finish:
        """Store how the attempt ended; while the database is away, again for as long as the lease lasts.

        A try whose answer was not heard may have been carried out: then the lease is gone at the next one,
        and the stage may still have to be closed.
        """
        wait, unheard = _FIRST_WAIT_SECONDS, False
        while True:
            try:
                finish = self._tasks.finish(task.task_id, task.lease_token, outcome)
            except DatabaseUnavailableError:
                if lease.state is LeaseState.LOST or self._clock.monotonic() + wait >= lease.expires:
                    raise
                _log.warning(
                    "attempt could not be stored yet", extra={"task_id": task.task_id}, exc_info=True
                )
                self._clock.pause(wait)
                wait, unheard = min(2 * wait, _LONGEST_WAIT_SECONDS), True
                continue
            if unheard and finish.outcome is FinishOutcome.LOST:
                return Finish(finish.outcome, self._stages.close(task.job_id, task.run, task.stage))
            return finish

    def _run(self, task: ClaimedTask, message: TaskQueueMessage, lease: Lease) -> AttemptOutcome:
        context = RunningTaskContext(
            task,
            message.correlation_id,
            lease,
            tasks=self._tasks,
            stages=self._stages,
            blobs=self._blobs,
            payloads=self._payloads,
            sandbox=self._sandbox,
        )

        def call() -> AttemptOutcome:
            return self._call_handler(task, context)

        def tell() -> None:
            lease.timed_out = True

        try:
            return self._calls(call, task.timeout_seconds, tell)
        except LeaseLostError:
            raise
        except Exception as exc:  # noqa: BLE001 -- the boundary to handlers: any error is the task's
            outcome = failure_of(exc)
            unexpected = outcome.error_class is ErrorClass.UNKNOWN
            _log.log(
                logging.ERROR if unexpected else logging.WARNING,
                "attempt failed",
                extra={**message.ids(), "error_code": outcome.error.code},
                exc_info=unexpected,
            )
            return outcome

    def _call_handler(self, task: ClaimedTask, context: RunningTaskContext) -> AttemptOutcome:
        given = self._payloads.found(task.parameters, task.parameters_ref)
        done = handled(self._catalog, task.task_type, given, context)
        name = f"{task.task_id}-a{task.attempt}-result"
        kept, reference = self._payloads.kept(task.job_id, name, done.result)
        return AttemptSucceeded(kept, done.processed_items, reference)


def failure_of(exc: Exception) -> AttemptFailed:
    """What an exception out of a handler means for its task; unknown ones are not shown, only named."""
    error_class = _class_of(exc)
    if error_class is ErrorClass.UNKNOWN:
        code, text = "UNEXPECTED_ERROR", f"the handler met an unexpected {type(exc).__name__}"
    else:
        code = getattr(exc, "error_code", None) or getattr(exc, "code", "TASK_FAILED")
        text = storable_text(str(exc))
    detail = ErrorDetail(code=code, message=text, error_class=error_class)
    return AttemptFailed(detail, error_class, getattr(exc, "retry_after", None))


def _class_of(exc: Exception) -> ErrorClass:
    kinds: tuple[tuple[type[Exception], ErrorClass], ...] = (
        (TaskCancelledError, ErrorClass.CANCELLED),
        (PermanentTaskError, ErrorClass.PERMANENT),
        (ThrottledTaskError, ErrorClass.THROTTLED),
        (TaskDeferredError, ErrorClass.DEFERRED),
        (TaskTimedOutError, ErrorClass.TIMED_OUT),
        (TaskError, ErrorClass.RETRYABLE),
        (ServiceUnavailableError, ErrorClass.RETRYABLE),
        (ContractViolationError, ErrorClass.PERMANENT),
        (CatalogError, ErrorClass.RETRYABLE),  # a worker of the next release may know it
    )
    return next((error_class for kind, error_class in kinds if isinstance(exc, kind)), ErrorClass.UNKNOWN)
