"""The child process: binds itself, then runs one operation and tells its parent how it went.

Nothing of GDAL is loaded before the limits stand.
"""

import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Protocol, get_type_hints

from pydantic import BaseModel

from schema.errors import GeojobsError, PermanentTaskError, TaskError
from schema.sandbox_messages import (
    READ_BYTES,
    TO_CHILD,
    Data,
    Done,
    Failed,
    FrameReader,
    FromChild,
    Progress,
    Read,
    Start,
    ToChild,
    frame,
)
from services.raster.confinement import confine
from services.raster.shortages import Shortage, shortage_of

OPERATIONS: Mapping[str, str] = {
    "describe": "services.raster.describe:run",
    "cog": "services.raster.cog:run",
    "chunk": "services.raster.chunk:run",
    "assemble": "services.raster.assemble:run",
    "inspect": "services.raster.inspect:run",
}
"""Module and function of each operation: ``run(request, box)`` says by its annotations what it takes."""

_RECEIVE_BYTES = 1024 * 1024
_MOST_SHOWN = 2_000

_SHORTAGES: Mapping[Shortage, Failed] = {
    "memory": Failed(reason="memory", code="RASTER_OUT_OF_MEMORY", message="out of memory"),
    "disk": Failed(reason="disk", code="WORKER_DISK_FULL", message="no space left"),
    "file": Failed(reason="permanent", code="RASTER_DISK_FULL", message="a file grew beyond its limit"),
}

_GDAL = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_CACHEMAX": "64",
    "GDAL_NUM_THREADS": "1",
    "GDAL_HTTP_TIMEOUT": "1",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GDAL_MAX_DATASET_POOL_SIZE": "16",
    "PROJ_NETWORK": "OFF",
}
"""Options that hold from GDAL's first use on, in and out of a ``rasterio.Env``."""


class Parent:
    """The other end of the socket. ``bytes_of`` may be called by any thread, one after another."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = FrameReader()
        self._lock = threading.Lock()

    def receive(self) -> tuple[ToChild, bytes]:
        """The next message; ends this process where the parent is gone."""
        while (found := self._reader.next()) is None:
            data = self._connection.recv(_RECEIVE_BYTES)
            if not data:
                os._exit(1)
            self._reader.feed(data)
        return TO_CHILD.validate_json(found[0]), found[1]

    def send(self, message: FromChild, body: bytes = b"") -> None:
        with self._lock:
            self._connection.sendall(frame(message, body))

    def bytes_of(self, source: str, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        for start in range(offset, offset + length, READ_BYTES):
            asked = Read(source=source, offset=start, length=min(READ_BYTES, offset + length - start))
            with self._lock:
                self._connection.sendall(frame(asked))
                _, body = self.receive()
            parts.append(body)
        return b"".join(parts)

    def progress(self, fraction: float) -> None:
        self.send(Progress(fraction=fraction))


def main(descriptor: int) -> None:
    """Serve the parent at the other end of the socket with this number."""
    parent = Parent(socket.socket(fileno=descriptor))
    start, request = parent.receive()
    if isinstance(start, Data):
        os._exit(1)
    folder = Path(start.folder)
    confine(start.limits, folder, start.parent)
    os.environ.update(_GDAL)
    try:
        result = _run(parent, start, folder, request)
    except Exception as exc:  # noqa: BLE001 -- the boundary of the process: the parent hears of any error
        parent.send(failure_of(exc))
    else:
        parent.send(Done(), result.model_dump_json().encode())
    sys.stderr.flush()
    os._exit(0)  # nothing of GDAL's is worth tidying up, and its tidying up may crash


def _run(parent: Parent, start: Start, folder: Path, request: bytes) -> BaseModel:
    from services.raster.drivers import UNNEEDED, skip  # noqa: PLC0415 -- under the limits

    skip(UNNEEDED)
    from services.raster.box import SourceBox  # noqa: PLC0415 -- loads GDAL

    box = SourceBox(folder, start.sources, parent.bytes_of, parent.progress)
    operations = table_of(start.operations)
    return perform(operations, start.operation, request, box)


class _FailingBox(Protocol):
    @property
    def failure(self) -> GeojobsError | None: ...


def table_of(module: str) -> Mapping[str, str]:
    """The ``OPERATIONS`` of a module: this one's, unless a test's."""
    operations: Mapping[str, str] = OPERATIONS if module == __name__ else import_module(module).OPERATIONS
    return operations


def perform(operations: Mapping[str, str], operation: str, request: bytes, box: _FailingBox) -> BaseModel:
    """Run one operation on a request in JSON.

    Raises what it raises; what reading a source met goes before all that GDAL made of it.
    """
    try:
        module, _, name = operations[operation].partition(":")
        run: Callable[..., BaseModel] = getattr(import_module(module), name)
        result = run(_request_model(run).model_validate_json(request), box)
    except Exception:
        if box.failure is not None:
            raise box.failure from None
        raise
    if box.failure is not None:
        raise box.failure
    return result


def _request_model(run: Callable[..., BaseModel]) -> type[BaseModel]:
    model: type[BaseModel] = next(iter(get_type_hints(run).values()))
    return model


def failure_of(exc: Exception) -> Failed:
    """How an exception is told; of one that nobody foresaw only the type, its story goes to the log.

    That memory or disk was short is told first, as it looks like a fault of the raster or of the COG.
    """
    if (shortage := shortage_of(exc)) is not None:
        return _SHORTAGES[shortage]
    if isinstance(exc, TaskError):
        reason = "permanent" if isinstance(exc, PermanentTaskError) else "retryable"
        return Failed(reason=reason, code=exc.error_code, message=str(exc)[:_MOST_SHOWN])
    traceback.print_exception(exc)
    return Failed(reason="unexpected", code="RASTER_PROCESS_FAILED", message=type(exc).__name__[:100])
