"""What a running handler may see and use."""

from collections.abc import Iterator

from interfaces.blobs import BlobRepository
from interfaces.repositories import StageRepository, TaskRepository
from interfaces.sandbox import Sandbox
from orchestration.leases import Lease
from orchestration.payloads import Payloads
from schema.errors import LeaseLostError, PermanentTaskError, TaskCancelledError, TaskTimedOutError
from schema.json_types import JSONObject
from schema.records import ClaimedTask, LeaseState
from schema.states import TaskStatus


class RunningTaskContext:
    """Implements ``interfaces.handler.TaskContext`` for one attempt."""

    def __init__(
        self,
        task: ClaimedTask,
        correlation_id: str,
        lease: Lease,
        *,
        tasks: TaskRepository,
        stages: StageRepository,
        blobs: BlobRepository,
        payloads: Payloads,
        sandbox: Sandbox,
    ) -> None:
        self._task = task
        self._correlation_id = correlation_id
        self._lease = lease
        self._tasks = tasks
        self._stages = stages
        self._blobs = blobs
        self._payloads = payloads
        self._sandbox = sandbox

    @property
    def job_id(self) -> str:
        return self._task.job_id

    @property
    def run(self) -> int:
        return self._task.run

    @property
    def stage(self) -> int:
        return self._task.stage

    @property
    def task_id(self) -> str:
        return self._task.task_id

    @property
    def attempt(self) -> int:
        return self._task.attempt

    @property
    def correlation_id(self) -> str:
        return self._correlation_id

    @property
    def blobs(self) -> BlobRepository:
        return self._blobs

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox

    def result_of(self, stage: int, index: str) -> JSONObject:
        """Raises ``PermanentTaskError`` (``RESULT_MISSING``) where no such task has completed."""
        task = self._tasks.find(self.job_id, self.run, stage, index)
        result = None if task is None else self._payloads.found(task.result, task.result_ref)
        if task is None or task.status is not TaskStatus.COMPLETED or result is None:
            raise PermanentTaskError(
                f"stage {stage} has no completed task with the index {index!r}", "RESULT_MISSING"
            )
        return result

    def results_of(self, stage: int) -> Iterator[tuple[str, JSONObject]]:
        for task in self._stages.task_results(self.job_id, self.run, stage):
            result = self._payloads.found(task.result, task.result_ref)
            if task.status is TaskStatus.COMPLETED and result is not None:
                yield task.task_index, result

    def report_progress(self, fraction: float) -> None:
        self._lease.progress = min(1.0, max(0.0, fraction))

    def raise_if_stopped(self) -> None:
        if self._lease.state is LeaseState.LOST:
            raise LeaseLostError(f"the lease of {self.task_id} is lost")
        if self._lease.timed_out:
            raise TaskTimedOutError("the attempt reached its deadline")
        if self._lease.state is LeaseState.CANCEL_REQUESTED:
            raise TaskCancelledError("the task was asked to stop")
