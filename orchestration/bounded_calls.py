"""Calls that end by a deadline, whatever the called function does."""

import ctypes
import logging
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Generic, TypeVar

from schema.errors import TaskTimedOutError

T = TypeVar("T")

_log = logging.getLogger(__name__)


class _Call(Generic[T]):
    """One call, in the context of whoever made it; ``finished`` is released when it has ended."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._context = copy_context()
        self._finished = threading.Semaphore(0)
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._context.run(self._function)
        except BaseException as exc:  # noqa: BLE001 -- carried over to the thread that waits for it
            self._error = exc
        self._finished.release()

    def wait(self, seconds: float) -> bool:
        return self._finished.acquire(timeout=seconds)

    def outcome(self) -> T:
        if self._error is not None:
            raise self._error
        return self._result  # pyright: ignore[reportReturnType] -- it has ended without an error


class _Worker:
    """A thread that runs calls one after another until it is dismissed or abandoned."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call[object] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="task", daemon=True)
        self.thread.start()

    def start(self, call: _Call[T]) -> None:
        self._calls.put(call)  # pyright: ignore[reportArgumentType] -- what it returns is the caller's

    def dismiss(self) -> None:
        self._calls.put(None)

    def interrupt(self) -> None:
        """Raise ``TaskTimedOutError`` in the thread as soon as it runs Python code again."""
        ident = self.thread.ident
        if ident is not None:
            error = ctypes.py_object(_InterruptedError)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), error)

    def _run(self) -> None:
        try:
            while (call := self._calls.get()) is not None:
                call.run()
        except _InterruptedError:  # it came when the call had just ended; its caller waits no more
            return


class _InterruptedError(TaskTimedOutError):
    """Raised by another thread, which can pass a class only."""

    def __init__(self) -> None:
        super().__init__("the attempt reached its deadline and was interrupted")


class BoundedCalls:
    """Runs each call in a thread of its own, so that the caller gets away from one that hangs.

    At the deadline the function is told (``on_deadline``); ``grace_seconds`` later it is interrupted, and
    after as long again its thread is abandoned: it ends with the native code it hangs in, and other work goes
    on.
    """

    def __init__(self, grace_seconds: float = 5.0) -> None:
        self._grace = grace_seconds
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._closed = False

    def __call__(self, function: Callable[[], T], seconds: float, on_deadline: Callable[[], None]) -> T:
        """What the function returns or raises; ``TaskTimedOutError`` where it did not end in time."""
        worker = self._take()
        call = _Call(function)
        worker.start(call)
        if call.wait(seconds):
            self._give_back(worker)
            return call.outcome()
        on_deadline()
        if call.wait(self._grace):
            self._give_back(worker)
            return call.outcome()
        worker.interrupt()
        if call.wait(self._grace):
            worker.dismiss()
            return call.outcome()
        worker.dismiss()
        _log.error("task thread was abandoned", extra={"deadline_seconds": seconds})
        raise TaskTimedOutError(f"the attempt did not end by its deadline of {seconds:g} s")

    def close(self) -> None:
        """Dismiss the idle threads; busy ones end with their calls."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.dismiss()

    def _take(self) -> _Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker()

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.dismiss()
