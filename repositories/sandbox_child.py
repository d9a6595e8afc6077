"""One child process, from its start to its end: serves its reads, watches what it uses, kills it."""

import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from pydantic import ValidationError

from interfaces.sandbox import ByteSource
from schema.errors import PermanentTaskError, RetryableTaskError, TaskError, TaskTimedOutError
from schema.sandbox_messages import (
    FROM_CHILD,
    Data,
    Done,
    Failed,
    FrameError,
    FrameReader,
    FromChild,
    Progress,
    Read,
    Start,
    frame,
)

_log = logging.getLogger(__name__)

_TURN_SECONDS = 0.25
_END_SECONDS = 10.0
_LAST_WORDS_SECONDS = 3.0
_RECEIVE_BYTES = 256 * 1024
_KEPT_OUTPUT = 8 * 1024
_ROOT = str(Path(__file__).resolve().parents[1])

# Isolated from the environment and from the working folder; the path is the worker's own.
_PROGRAM = (
    "import sys, json; "
    "sys.path[:] = json.loads(sys.argv[2]); "
    "from services.raster.child import main; "
    "main(int(sys.argv[1]))"
)


class Child:
    """A context manager: the process is gone, and all it started, when the block ends.

    ``check`` is called at least every quarter of a second, except while a source is read, and ends the child
    by what it raises.
    """

    def __init__(self, folder: Path, check: Callable[[], None]) -> None:
        self._check = check
        self._checked = monotonic()
        self._reader = FrameReader()
        self._output = bytearray()
        self._ending = threading.Lock()
        self._connection, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _started(folder, theirs.fileno())
            except BaseException:
                self._connection.close()
                raise
        self._connection.setblocking(False)
        self._selector = selectors.PollSelector()
        self._selector.register(self._connection, selectors.EVENT_READ)
        assert self._process.stdout is not None  # noqa: S101 -- it was asked for
        os.set_blocking(self._process.stdout.fileno(), False)
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._selector.close()
        self._connection.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def answer(
        self,
        start: Start,
        request: bytes,
        sources: Mapping[str, ByteSource],
        progress: Callable[[float], None],
    ) -> bytes:
        """The result of the operation as JSON; raises what stands in ``interfaces.sandbox``."""
        self._send(frame(start, request))
        while True:
            message, body = self._next(start.operation)
            match message:
                case Read():
                    self._send(frame(Data(), self._read(message, sources)))
                case Progress():
                    progress(message.fraction)
                case Done():
                    return body
                case Failed():
                    raise self._failure(message, start.operation)

    def kill(self) -> None:
        """End it from another thread; whoever waits for its answer hears that it died."""
        with self._ending:
            if self._process.returncode is None:
                _kill_all_of(self._process.pid)

    def _read(self, asked: Read, sources: Mapping[str, ByteSource]) -> bytes:
        if asked.source not in sources:
            raise _nonsense()
        return sources[asked.source].read(asked.offset, asked.length)

    def _next(self, operation: str) -> tuple[FromChild, bytes]:
        try:
            while (found := self._reader.next()) is None:
                if not self._received():
                    raise self._death(operation)
            return FROM_CHILD.validate_json(found[0]), found[1]
        except (FrameError, ValidationError) as exc:
            raise _nonsense() from exc

    def _received(self) -> bool:
        """Wait for something to come; ``False`` where nothing more will."""
        while self._connection not in self._ready():
            pass
        try:
            data = self._connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        self._reader.feed(data)
        return bool(data)

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        self._selector.modify(self._connection, selectors.EVENT_WRITE)
        try:
            while left:
                if self._connection in self._ready():
                    left = left[self._connection.send(left) :]
        except ConnectionError:
            return  # it is gone; the next message, which does not come, will tell
        finally:
            self._selector.modify(self._connection, selectors.EVENT_READ)

    def _ready(self) -> Sequence[object]:
        if monotonic() - self._checked >= _TURN_SECONDS:
            self._check()
            self._checked = monotonic()
        ready = [key.fileobj for key, _ in self._selector.select(_TURN_SECONDS)]
        if self._process.stdout in ready:
            self._drain()
        return ready

    def _drain(self) -> None:
        """Keep the end of what the child prints."""
        output = self._process.stdout
        if output is None or output.closed:
            return
        try:
            data = os.read(output.fileno(), _RECEIVE_BYTES)
        except BlockingIOError:
            return
        self._output = (self._output + data)[-_KEPT_OUTPUT:]
        if not data and output in {key.fileobj for key in self._selector.get_map().values()}:
            self._selector.unregister(output)

    def _failure(self, failed: Failed, operation: str) -> TaskError:
        match failed.reason:
            case "permanent":
                return PermanentTaskError(failed.message, failed.code)
            case "retryable":
                return RetryableTaskError(failed.message, failed.code)
            case "memory":
                return out_of_memory()
            case "disk":
                self._check()  # by its own limit, if that is what it met
                return RetryableTaskError("the worker's disk is full", "WORKER_DISK_FULL")
            case "unexpected":
                self._tell(operation, failed.message)
                text = f"the raster process met an unexpected {failed.message}"
                return RetryableTaskError(text, "RASTER_PROCESS_FAILED")

    def _death(self, operation: str) -> TaskError:
        """What the end of a process that did not answer means."""
        self._end(_LAST_WORDS_SECONDS)
        code = self._process.returncode
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"status {code}"
        self._tell(operation, name)
        if name == "SIGXCPU":
            return took_too_long()
        if any(word in self._output for word in (b"bad_alloc", b"MemoryError", b"ut of memory")):
            return out_of_memory()
        return RetryableTaskError(f"the raster process died by {name}", "RASTER_PROCESS_DIED")

    def _tell(self, operation: str, cause: str) -> None:
        self._drain()
        text = "".join(
            char if char.isprintable() or char == "\n" else "?"
            for char in self._output.decode("utf-8", "replace")
        )
        _log.error("raster process failed", extra={"operation": operation, "cause": cause, "output": text})

    def _end(self, patience: float = 0.0) -> None:
        """Reap the process, with all that it started: by force unless it ends by itself in some seconds."""
        with self._ending:
            if self._process.returncode is not None:
                return
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
            _kill_all_of(self._process.pid)
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                _log.error("raster process could not be ended", extra={"pid": self._process.pid})


def _started(folder: Path, descriptor: int) -> subprocess.Popen[bytes]:
    path = json.dumps([_ROOT, *(entry for entry in sys.path if Path(entry).is_absolute())])
    command = [sys.executable, "-I", "-X", "faulthandler", "-c", _PROGRAM, str(descriptor), path]
    return subprocess.Popen(  # noqa: S603 -- nothing of it comes from a caller
        command,
        bufsize=0,
        cwd=folder,
        env=_environment(folder),
        pass_fds=(descriptor,),
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def _environment(folder: Path) -> dict[str, str]:
    """All that the child gets to know of its surroundings."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "CPL_TMPDIR": str(folder),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
    }


def _kill_all_of(session: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


def out_of_memory() -> PermanentTaskError:
    return PermanentTaskError("the raster takes more memory than there is for one", "RASTER_OUT_OF_MEMORY")


def took_too_long() -> TaskTimedOutError:
    return TaskTimedOutError("the raster took longer than there is time for one", "RASTER_TOOK_TOO_LONG")


def _nonsense() -> RetryableTaskError:
    return RetryableTaskError("the raster process said what makes no sense", "RASTER_PROCESS_FAILED")
