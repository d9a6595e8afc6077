"""What a task handler is, and the context that it runs in."""

from collections.abc import Iterator
from typing import Protocol, TypeVar

from pydantic import BaseModel

from interfaces.blobs import BlobRepository
from interfaces.sandbox import Sandbox
from schema.json_types import JSONObject

P_contra = TypeVar("P_contra", bound=BaseModel, contravariant=True)
R_co = TypeVar("R_co", bound=BaseModel, covariant=True)


class TaskContext(Protocol):
    """Who the handler works for, and what it may use."""

    @property
    def job_id(self) -> str: ...
    @property
    def run(self) -> int: ...
    @property
    def stage(self) -> int: ...
    @property
    def task_id(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...
    @property
    def blobs(self) -> BlobRepository: ...
    @property
    def sandbox(self) -> Sandbox: ...

    def result_of(self, stage: int, index: str) -> JSONObject:
        """The result of a completed task of an earlier stage of this run."""
        ...

    def results_of(self, stage: int) -> Iterator[tuple[str, JSONObject]]:
        """Index and result of every completed task of an earlier stage of this run, read in pages."""
        ...

    def report_progress(self, fraction: float) -> None:
        """Tell how far the task is, from 0 to 1; stored with the next heartbeat."""
        ...

    def raise_if_stopped(self) -> None:
        """Raise ``TaskCancelledError`` or ``LeaseLostError`` where going on would be in vain."""
        ...


class Handler(Protocol[P_contra, R_co]):
    """Runs one task. Raise a ``TaskError`` to say what kind of failure it is."""

    def __call__(self, parameters: P_contra, context: TaskContext, /) -> R_co: ...
