"""What the orchestration asks of the catalogs of job and task types."""

from collections.abc import Sequence
from typing import Any, Protocol

from interfaces.handler import Handler
from schema.workflow import JobRegistration, TaskInfo


class JobCatalog(Protocol):
    def get(self, job_type: str) -> JobRegistration[Any]:
        """Raises ``UnknownJobTypeError``, which lists those there are."""
        ...

    def names(self) -> Sequence[str]: ...


class TaskCatalog(Protocol):
    def info(self, task_type: str) -> TaskInfo[Any, Any]:
        """Raises ``UnknownTaskTypeError``, which lists those there are."""
        ...

    def handler(self, task_type: str) -> Handler[Any, Any]:
        """Raises ``UnknownTaskTypeError``, which lists those there are."""
        ...

    def names(self) -> Sequence[str]: ...
