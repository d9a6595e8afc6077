"""The worker: one pool of threads for all invocations, and the watch over their time-out."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic
from uuid import uuid4

from devhost.context import InvocationContext
from devhost.functions import Code

_log = logging.getLogger(__name__)


class Invocations:
    """Runs functions.

    Args:
        threads: how many functions run at once.
        timeout: seconds that an invocation may take, waiting for a thread included, or ``None``.
        on_timeout: called once, with the function's name, when one took longer. A thread cannot be
            stopped, so that the whole process must be, as the Functions host does.
    """

    def __init__(self, threads: int, timeout: float | None, on_timeout: Callable[[str], None]) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="function")
        self._timeout = timeout
        self._on_timeout = on_timeout
        self._lock = threading.Lock()
        self._deadlines: dict[str, tuple[float, str]] = {}
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._watch_deadlines, name="timeouts", daemon=True)

    def start(self) -> None:
        self._watch.start()

    def submit(self, code: Code, argument: object) -> Future[object]:
        """Run the function as soon as a thread is free; its error is logged here, and kept in the future."""
        invocation_id = str(uuid4())
        if self._timeout is not None:
            with self._lock:
                self._deadlines[invocation_id] = (monotonic() + self._timeout, code.name)
        future = self._pool.submit(_run, code, argument, invocation_id)
        future.add_done_callback(lambda _: self._forget(invocation_id))
        return future

    def close(self) -> None:
        """Start no further invocation; those under way end on their own."""
        self._closing.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget(self, invocation_id: str) -> None:
        with self._lock:
            self._deadlines.pop(invocation_id, None)

    def _watch_deadlines(self) -> None:
        if self._timeout is None:
            return
        wait = self._timeout
        while not self._closing.wait(wait):
            with self._lock:
                # all have the same time-out, so that the oldest, which is the first, ends first
                deadline, name = next(iter(self._deadlines.values()), (monotonic() + self._timeout, ""))
            wait = deadline - monotonic()
            if wait <= 0:
                _log.critical(
                    "function timed out", extra={"function": name, "timeout_seconds": self._timeout}
                )
                self._on_timeout(name)
                return


def _run(code: Code, argument: object, invocation_id: str) -> object:
    started = monotonic()
    facts = {"function": code.name, "invocation_id": invocation_id}
    try:
        result = code(argument, InvocationContext(invocation_id, code.name))
    except Exception:
        _log.exception("function failed", extra={**facts, "elapsed_ms": _elapsed_ms(started)})
        raise
    _log.debug("function succeeded", extra={**facts, "elapsed_ms": _elapsed_ms(started)})
    return result


def _elapsed_ms(started: float) -> int:
    return round((monotonic() - started) * 1000)
