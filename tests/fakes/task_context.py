"""A task's context for tests of handlers, without a lease and a database."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from interfaces.blobs import BlobRepository
from interfaces.sandbox import Sandbox
from schema.errors import TaskCancelledError
from schema.json_types import JSONObject
from tests.fakes.sandbox import FakeSandbox

JOB_ID = "ab" * 32


@dataclass
class FakeTaskContext:
    """``stages`` maps a stage to its results by task index. ``stop_after`` checks the task is cancelled."""

    blobs: BlobRepository
    job_id: str = JOB_ID
    run: int = 1
    stage: int = 1
    task_id: str = "task"
    attempt: int = 1
    correlation_id: str = "correlation"
    stages: dict[int, dict[str, JSONObject]] = field(default_factory=dict)
    stop_after: int | None = None
    progress: list[float] = field(default_factory=list)
    checks: int = 0
    sandbox: Sandbox = field(default_factory=FakeSandbox)

    def result_of(self, stage: int, index: str) -> JSONObject:
        return self.stages[stage][index]

    def results_of(self, stage: int) -> Iterator[tuple[str, JSONObject]]:
        yield from self.stages[stage].items()

    def report_progress(self, fraction: float) -> None:
        self.progress.append(fraction)

    def raise_if_stopped(self) -> None:
        self.checks += 1
        if self.stop_after is not None and self.checks > self.stop_after:
            raise TaskCancelledError("the task was asked to stop")
