"""Runs what reads strangers' rasters in child processes, so many at once, each in a folder of its own."""

import logging
import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from interfaces.sandbox import ByteSource, Limits, LocalFile, Watch, Workspace
from repositories.sandbox_child import Child, out_of_memory, took_too_long
from repositories.sandbox_usage import disk_use_of, memory_of, prefix_of_this_process, remove_leftovers
from schema.errors import PermanentTaskError, RetryableTaskError, TaskDeferredError
from schema.sandbox_messages import ChildLimits, SourceFacts, Start

R = TypeVar("R", bound=BaseModel)

OPERATIONS = "services.raster.child"
PATIENCE_SECONDS = 60.0

_TURN_SECONDS = 0.25
_RETRY_AFTER_SECONDS = 15.0
_CPU_SECONDS_MORE = 10

_log = logging.getLogger(__name__)


class ChildSandbox:
    """Implements ``interfaces.sandbox.Sandbox``. ``close`` ends what runs and opens no workspace any more.

    ``processes`` workspaces are open at once. Folders are made under ``root``, by default the system's
    place for temporary files; those left by killed workers are removed with the first workspace.
    ``operations`` names the module whose ``OPERATIONS`` the child offers.
    """

    def __init__(
        self,
        processes: int,
        root: Path | None = None,
        *,
        operations: str = OPERATIONS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._turns = threading.Semaphore(processes)
        self._root = root or Path(tempfile.gettempdir())
        self._operations = operations
        self._patience = patience_seconds
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._children: set[Child] = set()
        self._tidied = False

    @contextmanager
    def workspace(self, watch: Watch) -> Generator[Workspace]:
        self._wait_for_turn(watch)
        try:
            self._tidy_once()
            folder = Path(tempfile.mkdtemp(prefix=prefix_of_this_process(), dir=self._root))
            try:
                yield _Workspace(self, folder, watch)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            self._turns.release()

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            running = list(self._children)
        for child in running:
            child.kill()

    def perform(
        self, start: Start, request: bytes, sources: Mapping[str, ByteSource], watch: Watch, limits: Limits
    ) -> bytes:
        """The answer of a child of its own, as JSON."""
        check = _Check(self._demand_open, watch, limits, Path(start.folder))
        with Child(Path(start.folder), check) as child:
            check.pid = child.pid
            with self._lock:
                self._children.add(child)
            try:
                return child.answer(start, request, sources, watch.report_progress)
            finally:
                with self._lock:
                    self._children.discard(child)

    @property
    def operations(self) -> str:
        return self._operations

    def _wait_for_turn(self, watch: Watch) -> None:
        end = monotonic() + self._patience
        self._demand_open()
        while not self._turns.acquire(timeout=_TURN_SECONDS):
            watch.raise_if_stopped()
            self._demand_open()
            if monotonic() >= end:
                raise TaskDeferredError(
                    "this worker has as many raster processes as it may", "SANDBOX_BUSY", _RETRY_AFTER_SECONDS
                )

    def _demand_open(self) -> None:
        if self._closed.is_set():
            raise TaskDeferredError("this worker is stopping", "SANDBOX_CLOSED", _RETRY_AFTER_SECONDS)

    def _tidy_once(self) -> None:
        with self._lock:
            if self._tidied:
                return
            self._tidied = True
        removed = remove_leftovers(self._root)
        if removed:
            _log.info("folders of killed workers removed", extra={"folders": removed})


class _Workspace:
    """Implements ``interfaces.sandbox.Workspace``."""

    def __init__(self, sandbox: ChildSandbox, folder: Path, watch: Watch) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._watch = watch

    @property
    def folder(self) -> Path:
        return self._folder

    def run(
        self,
        operation: str,
        request: BaseModel,
        result: type[R],
        sources: Mapping[str, ByteSource] | None = None,
        limits: Limits | None = None,
    ) -> R:
        sources, limits = sources or {}, limits or Limits()
        start = Start(
            operations=self._sandbox.operations,
            operation=operation,
            folder=str(self._folder),
            parent=os.getpid(),
            sources={name: self._facts(source) for name, source in sources.items()},
            limits=ChildLimits(
                memory_bytes=limits.memory_bytes,
                cpu_seconds=math.ceil(limits.seconds) + _CPU_SECONDS_MORE,
                file_bytes=limits.disk_bytes,
            ),
        )
        body = request.model_dump_json().encode()
        answer = self._sandbox.perform(start, body, sources, self._watch, limits)
        try:
            return result.model_validate_json(answer)
        except ValidationError as exc:
            raise RetryableTaskError(
                f"the raster process gave no {result.__name__}", "RASTER_PROCESS_FAILED"
            ) from exc

    def _facts(self, source: ByteSource) -> SourceFacts:
        if isinstance(source, LocalFile) and source.path.is_relative_to(self._folder):
            path = str(source.path.relative_to(self._folder))
            return SourceFacts(size=source.size, path=path)
        return SourceFacts(size=source.size)


class _Check:
    """Whether a child may go on. Raises what ends it."""

    def __init__(self, demand_open: Callable[[], None], watch: Watch, limits: Limits, folder: Path) -> None:
        self.pid: int | None = None
        self._demand_open = demand_open
        self._watch = watch
        self._limits = limits
        self._folder = folder
        self._end = monotonic() + limits.seconds

    def __call__(self) -> None:
        self._watch.raise_if_stopped()
        self._demand_open()
        if monotonic() > self._end:
            raise took_too_long()
        if self.pid is not None and memory_of(self.pid) > self._limits.memory_bytes:
            raise out_of_memory()
        if disk_use_of(self._folder, self._limits.disk_bytes) > self._limits.disk_bytes:
            raise PermanentTaskError("the raster takes more space than there is for one", "RASTER_DISK_FULL")
