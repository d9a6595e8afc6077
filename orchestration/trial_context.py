"""What a handler may see and use while a dry run tries its stage: all that it reads, nothing to write."""

from collections.abc import Iterator, Mapping
from typing import NoReturn, cast

from interfaces.blobs import BlobInfo, BlobRepository
from interfaces.clock import Clock
from interfaces.sandbox import Sandbox
from schema.errors import ContractViolationError, PermanentTaskError, TaskTimedOutError
from schema.json_types import JSONObject
from schema.records import JobRecord, NewTask

Results = Mapping[int, Mapping[str, JSONObject]]
"""By stage and index: what the completed tasks of a trial left."""


class ReadOnlyBlobs:
    """The reading half of ``interfaces.blobs.BlobRepository``. Using anything else of it raises
    ``ContractViolationError``, as a stage that may be tried must only read."""

    def __init__(self, blobs: BlobRepository) -> None:
        self._blobs = blobs

    @property
    def output_container(self) -> str:
        return self._blobs.output_container

    def address_of(self, container: str, blob: str) -> str:
        return self._blobs.address_of(container, blob)

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        return self._blobs.list_blobs(container, prefix)

    def info(self, container: str, blob: str) -> BlobInfo:
        return self._blobs.info(container, blob)

    def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        return self._blobs.read_range(container, blob, offset, length, etag)

    def __getattr__(self, name: str) -> NoReturn:
        raise ContractViolationError("trial stage", f"/{name}", "its handler", "only what it read")


class TrialContext:
    """Implements ``interfaces.handler.TaskContext`` for a task that is not stored.

    ``stop_at`` is the moment of the clock's ``monotonic`` from which on it may not go on.
    """

    def __init__(
        self,
        job: JobRecord,
        stage: int,
        task: NewTask,
        results: Results,
        *,
        blobs: BlobRepository,
        sandbox: Sandbox,
        clock: Clock,
        stop_at: float,
    ) -> None:
        self._job = job
        self._stage = stage
        self._task = task
        self._results = results
        self._blobs = ReadOnlyBlobs(blobs)
        self._sandbox = sandbox
        self._clock = clock
        self._stop_at = stop_at

    @property
    def job_id(self) -> str:
        return self._job.job_id

    @property
    def run(self) -> int:
        return self._job.run

    @property
    def stage(self) -> int:
        return self._stage

    @property
    def task_id(self) -> str:
        return self._task.task_id

    @property
    def attempt(self) -> int:
        return 1

    @property
    def correlation_id(self) -> str:
        return self._job.correlation_id

    @property
    def blobs(self) -> BlobRepository:
        return cast("BlobRepository", self._blobs)

    @property
    def sandbox(self) -> Sandbox:
        return self._sandbox

    def result_of(self, stage: int, index: str) -> JSONObject:
        """Raises ``PermanentTaskError`` (``RESULT_MISSING``) where no such task has completed."""
        try:
            return self._results[stage][index]
        except KeyError:
            raise PermanentTaskError(
                f"stage {stage} has no completed task with the index {index!r}", "RESULT_MISSING"
            ) from None

    def results_of(self, stage: int) -> Iterator[tuple[str, JSONObject]]:
        yield from self._results.get(stage, {}).items()

    def report_progress(self, fraction: float) -> None:
        """Nobody follows a trial."""

    def raise_if_stopped(self) -> None:
        if self._clock.monotonic() >= self._stop_at:
            raise TaskTimedOutError("the trial took too long")
