"""Where code runs that reads files of strangers: a child process that can be killed."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel

R = TypeVar("R", bound=BaseModel)


class ByteSource(Protocol):
    """A file that the child may read, a range at a time, without knowing where it lies. ``size`` in bytes."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; raises ``GeojobsError``."""
        ...


@dataclass(frozen=True)
class LocalFile:
    """A ``ByteSource`` that was copied into the workspace's folder: the child opens it by its path."""

    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


class Watch(Protocol):
    """Whoever waits for the child, is told how far it is and says whether it may go on: a ``TaskContext``."""

    def report_progress(self, fraction: float) -> None: ...

    def raise_if_stopped(self) -> None: ...


@dataclass(frozen=True)
class Limits:
    """What a child may use: memory in bytes, time in seconds, files it writes in bytes together."""

    memory_bytes: int = 1_200_000_000
    seconds: float = 1_200.0
    disk_bytes: int = 20_000_000_000


class Workspace(Protocol):
    """A folder of one attempt, with the right to run children in it."""

    @property
    def folder(self) -> Path: ...

    def run(
        self,
        operation: str,
        request: BaseModel,
        result: type[R],
        sources: Mapping[str, ByteSource] | None = None,
        limits: Limits | None = None,
    ) -> R:
        """Run one of the child's operations to its end and return what it answers.

        The child sees the request, its folder and the sources by name; it has no network, no credentials
        and none of the app's environment. Raises what the operation raised (``PermanentTaskError`` with its
        code), what reading a source or the watch raised, ``PermanentTaskError`` (``RASTER_OUT_OF_MEMORY``,
        ``RASTER_DISK_FULL``), ``TaskTimedOutError`` (``RASTER_TOOK_TOO_LONG``) or ``RetryableTaskError``
        (``RASTER_PROCESS_DIED``, ``WORKER_DISK_FULL``). Whatever it raises, the child is gone.
        """
        ...


class Sandbox(Protocol):
    def workspace(self, watch: Watch) -> AbstractContextManager[Workspace]:
        """A new folder, deleted at the end with all that is in it. Waits for its turn, as only so many
        workspaces are open at once in a process; raises ``TaskDeferredError`` (``SANDBOX_BUSY``) where that
        takes too long."""
        ...
