"""Runs one attempt of one task: claim, handler, finish."""

import logging
from uuid import uuid4

from pydantic import BaseModel

from interfaces.blobs import BlobRepository
from interfaces.catalogs import TaskCatalog
from interfaces.clock import Clock
from interfaces.repositories import StageRepository, TaskRepository
from orchestration.context import RunningTaskContext
from orchestration.contracts import dumped, instance_of, parsed
from orchestration.leases import LeaseKeeper
from orchestration.relay import OutboxRelay
from schema.errors import (
    CatalogError,
    ContractViolationError,
    LeaseLostError,
    MessageLookupError,
    PermanentTaskError,
    ServiceUnavailableError,
    TaskCancelledError,
    TaskError,
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
    FinishOutcome,
)
from schema.results import ErrorDetail

_log = logging.getLogger(__name__)

_MAX_ITEMS = 2**31 - 1  # the column's


class TaskRunner:
    """Two round trips to the database for a task, whatever the size of its stage."""

    def __init__(
        self,
        *,
        catalog: TaskCatalog,
        tasks: TaskRepository,
        stages: StageRepository,
        keeper: LeaseKeeper,
        relay: OutboxRelay,
        blobs: BlobRepository,
        clock: Clock,
        worker: str,
    ) -> None:
        self._catalog = catalog
        self._tasks = tasks
        self._stages = stages
        self._keeper = keeper
        self._relay = relay
        self._blobs = blobs
        self._clock = clock
        self._worker = worker

    def handle(self, message: TaskQueueMessage) -> None:
        """Claim the attempt that the message names and run it; where it is not to be had, do nothing.

        Raises ``MessageLookupError`` where there is no such task.
        """
        claim = self._tasks.claim(message.task_id, message.attempt, self._worker, uuid4())
        if claim.task is not None:
            self._attempt(claim.task, message)
            return
        if claim.outcome is ClaimOutcome.UNKNOWN:
            raise MessageLookupError(f"no task has the id {message.task_id}")
        _log.info("task was not claimed", extra={**_facts(message), "outcome": claim.outcome.value})
        if claim.outcome is ClaimOutcome.NOT_DUE:
            self._relay.drain()
        elif claim.outcome in (ClaimOutcome.FINAL, ClaimOutcome.SKIPPED):
            self._relay.dispatch(self._stages.close(message.job_id, message.run, message.stage))

    def _attempt(self, task: ClaimedTask, message: TaskQueueMessage) -> None:
        started = self._clock.monotonic()
        try:
            outcome = self._run(task, message)
        except LeaseLostError:
            _log.warning("attempt abandoned, its lease is lost", extra=_facts(message))
            return
        finish = self._tasks.finish(task.task_id, task.lease_token, outcome)
        self._relay.dispatch(finish.outbox)
        level = logging.WARNING if finish.outcome is FinishOutcome.LOST else logging.INFO
        elapsed_ms = round((self._clock.monotonic() - started) * 1000, 1)
        _log.log(
            level,
            "attempt finished",
            extra={**_facts(message), "outcome": finish.outcome.value, "elapsed_ms": elapsed_ms},
        )

    def _run(self, task: ClaimedTask, message: TaskQueueMessage) -> AttemptOutcome:
        with self._keeper.hold(task) as lease:
            context = RunningTaskContext(
                task,
                message.correlation_id,
                lease,
                tasks=self._tasks,
                stages=self._stages,
                blobs=self._blobs,
            )
            try:
                return self._call_handler(task, context)
            except LeaseLostError:
                raise
            except Exception as exc:  # noqa: BLE001 -- the boundary to handlers: any error is the task's
                outcome = failure_of(exc)
                unexpected = outcome.error_class is ErrorClass.UNKNOWN
                _log.log(
                    logging.ERROR if unexpected else logging.WARNING,
                    "attempt failed",
                    extra={**_facts(message), "error_code": outcome.error.code},
                    exc_info=unexpected,
                )
                return outcome

    def _call_handler(self, task: ClaimedTask, context: RunningTaskContext) -> AttemptOutcome:
        info = self._catalog.info(task.task_type)
        handler = self._catalog.handler(task.task_type)
        parameters = parsed(info.contract.parameters, task.parameters, f"the plan of {task.task_id}")
        producer = f"handler {task.task_type}"
        result = instance_of(info.contract.result, handler(parameters, context), producer)
        return AttemptSucceeded(dumped(result, producer), _processed_items(result))


def _processed_items(result: BaseModel) -> int | None:
    items = getattr(result, "processed_items", None)
    return items if isinstance(items, int) and 0 <= items <= _MAX_ITEMS else None


def failure_of(exc: Exception) -> AttemptFailed:
    """What an exception out of a handler means for its task; unknown ones are not shown, only named."""
    error_class = _class_of(exc)
    if error_class is ErrorClass.UNKNOWN:
        code, text = "UNEXPECTED_ERROR", f"the handler met an unexpected {type(exc).__name__}"
    else:
        code = getattr(exc, "error_code", None) or getattr(exc, "code", "TASK_FAILED")
        text = storable_text(str(exc))
    return AttemptFailed(ErrorDetail(code=code, message=text, error_class=error_class), error_class)


def _class_of(exc: Exception) -> ErrorClass:
    kinds: tuple[tuple[type[Exception], ErrorClass], ...] = (
        (TaskCancelledError, ErrorClass.CANCELLED),
        (PermanentTaskError, ErrorClass.PERMANENT),
        (ThrottledTaskError, ErrorClass.THROTTLED),
        (TaskError, ErrorClass.RETRYABLE),
        (ServiceUnavailableError, ErrorClass.RETRYABLE),
        (ContractViolationError, ErrorClass.PERMANENT),
        (CatalogError, ErrorClass.PERMANENT),
    )
    return next((error_class for kind, error_class in kinds if isinstance(exc, kind)), ErrorClass.UNKNOWN)


def _facts(message: TaskQueueMessage) -> dict[str, object]:
    return {
        "job_id": message.job_id,
        "task_id": message.task_id,
        "run": message.run,
        "stage": message.stage,
        "attempt": message.attempt,
        "correlation_id": message.correlation_id,
    }
