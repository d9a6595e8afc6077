"""Calls that end by a deadline: told, interrupted, abandoned; and threads that are used again."""

import logging
import operator
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from orchestration.bounded_calls import BoundedCalls
from schema.errors import TaskTimedOutError

WaitUntil = Callable[[Callable[[], bool]], None]
GRACE = 0.2


@pytest.fixture
def calls() -> Iterator[BoundedCalls]:
    calls = BoundedCalls(grace_seconds=GRACE)
    yield calls
    calls.close()


@pytest.fixture
def patient() -> Iterator[BoundedCalls]:
    """With time for a busy machine to let the function's thread run."""
    calls = BoundedCalls(grace_seconds=3.0)
    yield calls
    calls.close()


class NativeCode:
    """Hangs as native code does: no exception of another thread gets in before it is over.

    That it hangs is told and the hanging begun within one call of C code, so that whoever has been told can
    be sure of it, however late the thread was.
    """

    def __init__(self) -> None:
        self._hangs, self._gate = threading.Lock(), threading.Lock()
        self._hangs.acquire()
        self._gate.acquire()
        self._thread: threading.Thread | None = None

    def hang(self) -> None:
        self._thread = threading.current_thread()
        deque(map(operator.call, (self._hangs.release, self._gate.acquire)), maxlen=0)

    def wait_until_it_hangs(self) -> None:
        assert self._hangs.acquire(timeout=60)

    def end(self) -> None:
        """Let it go, and wait until its thread has met the interruption."""
        if self._gate.locked():
            self._gate.release()
        if self._thread is not None:
            self._thread.join(60)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Without the measure of coverage: in Python 3.11 a thread that is traced turns on the spot, holding all
    others up, for as long as an exception waits for a thread in native code."""
    of_this_thread, of_new_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # pyright: ignore[reportArgumentType] -- as sys.settrace has it
    yield
    threading.settrace(of_new_threads)  # pyright: ignore[reportArgumentType] -- as sys.settrace has it
    sys.settrace(of_this_thread)


@pytest.fixture
def native(untraced: None) -> Iterator[NativeCode]:
    """Ended with the test."""
    code = NativeCode()
    yield code
    code.end()


def nobody() -> None:
    raise AssertionError("the deadline was not reached")


def nothing() -> None:
    return


def run_for_ever() -> None:
    while True:
        pass


class TestInTime:
    def test_the_result_comes_back(self, calls: BoundedCalls) -> None:
        assert calls(lambda: 7, 10, nobody) == 7

    def test_an_error_comes_back_as_it_is(self, calls: BoundedCalls) -> None:
        error = KeyError("mine")

        def fail() -> None:
            raise error

        with pytest.raises(KeyError) as raised:
            calls(fail, 10, nobody)
        assert raised.value is error

    def test_threads_are_used_again(self, calls: BoundedCalls) -> None:
        threads = {calls(threading.get_ident, 10, nobody) for _ in range(20)}
        assert len(threads) == 1

    def test_calls_at_once_have_a_thread_each(self, calls: BoundedCalls) -> None:
        meeting = threading.Barrier(8, timeout=10)
        with ThreadPoolExecutor(8) as callers:
            list(callers.map(lambda _: calls(meeting.wait, 10, nobody), range(8)))

    def test_the_caller_s_own_thread_is_left_alone(self, calls: BoundedCalls) -> None:
        assert calls(threading.get_ident, 10, nobody) != threading.get_ident()


class TestTooLate:
    def test_the_function_is_told_first_and_may_still_end_well(self, patient: BoundedCalls) -> None:
        told = threading.Event()

        def stops_when_told() -> str:
            assert told.wait(10)
            return "ended by itself"

        assert patient(stops_when_told, 0.05, told.set) == "ended by itself"

    def test_what_it_raises_when_told_is_the_outcome(self, patient: BoundedCalls) -> None:
        told = threading.Event()

        def stops_when_told() -> None:
            assert told.wait(10)
            raise TaskTimedOutError("it asked, and stopped")

        with pytest.raises(TaskTimedOutError, match="it asked, and stopped"):
            patient(stops_when_told, 0.05, told.set)

    def test_python_code_that_does_not_ask_is_interrupted(self, patient: BoundedCalls) -> None:
        begun = monotonic()
        with pytest.raises(TaskTimedOutError, match="interrupted"):
            patient(run_for_ever, 0.05, nothing)
        assert monotonic() - begun < 20

    def test_an_interrupted_function_cleans_up(self, patient: BoundedCalls) -> None:
        cleaned = threading.Event()

        def run() -> None:
            try:
                run_for_ever()
            finally:
                cleaned.set()

        with pytest.raises(TaskTimedOutError):
            patient(run, 0.05, nothing)
        assert cleaned.is_set()

    def test_native_code_is_abandoned(
        self, calls: BoundedCalls, native: NativeCode, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.ERROR), pytest.raises(TaskTimedOutError, match=r"deadline of 0.05 s"):
            calls(native.hang, 0.05, native.wait_until_it_hangs)
        assert caplog.messages == ["task thread was abandoned"]

    def test_other_calls_go_on_beside_one_that_hangs(self, calls: BoundedCalls, native: NativeCode) -> None:
        with ThreadPoolExecutor(1) as caller:
            hanging = caller.submit(calls, native.hang, 0.05, native.wait_until_it_hangs)
            assert [calls(lambda number=number: number, 10, nobody) for number in range(20)] == list(
                range(20)
            )
            assert isinstance(hanging.exception(60), TaskTimedOutError)

    def test_an_abandoned_thread_ends_with_what_it_hangs_in(
        self, calls: BoundedCalls, native: NativeCode, wait_until: WaitUntil
    ) -> None:
        threads: list[threading.Thread] = []

        def run() -> None:
            threads.append(threading.current_thread())
            native.hang()

        with pytest.raises(TaskTimedOutError):
            calls(run, 0.05, native.wait_until_it_hangs)
        assert threads[0].is_alive()
        native.end()
        wait_until(lambda: not threads[0].is_alive())

    def test_a_thread_that_was_interrupted_is_not_used_again(
        self, calls: BoundedCalls, wait_until: WaitUntil
    ) -> None:
        threads: list[threading.Thread] = []

        def run() -> None:
            threads.append(threading.current_thread())
            run_for_ever()

        with pytest.raises(TaskTimedOutError):
            calls(run, 0.05, nothing)
        assert calls(threading.get_ident, 10, nobody) != threads[0].ident
        wait_until(lambda: not threads[0].is_alive())

    def test_many_at_once_all_end(self, calls: BoundedCalls) -> None:
        def outcome(_: int) -> type[BaseException]:
            with pytest.raises(TaskTimedOutError) as raised:
                calls(run_for_ever, 0.05, nothing)
            return type(raised.value)

        with ThreadPoolExecutor(4) as callers:
            assert len(list(callers.map(outcome, range(4)))) == 4


class TestClosing:
    def test_idle_threads_end(self, wait_until: WaitUntil) -> None:
        calls = BoundedCalls()
        thread = calls(threading.current_thread, 10, nobody)
        calls.close()
        wait_until(lambda: not thread.is_alive())

    def test_a_busy_thread_ends_after_its_call(self, wait_until: WaitUntil) -> None:
        calls = BoundedCalls()

        def run() -> threading.Thread:
            calls.close()
            return threading.current_thread()

        thread = calls(run, 10, nobody)
        wait_until(lambda: not thread.is_alive())
