"""The worker's threads and the watch over time-outs."""

import threading

import pytest

from devhost.invocations import Invocations
from tests.unit.devhost.support import code, running_invocations


def test_a_result_is_given_back() -> None:
    with running_invocations() as invocations:
        assert invocations.submit(code(lambda value: value * 2), 21).result(10) == 42


def test_an_error_is_logged_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    def fail(value: object) -> None:
        raise KeyError("reason")

    with running_invocations() as invocations:
        error = invocations.submit(code(fail), None).exception(10)
    assert isinstance(error, KeyError)
    assert caplog.records[0].__dict__["function"] == "tested"


def test_no_more_run_at_once_than_there_are_threads() -> None:
    gate = threading.Barrier(3)
    with running_invocations(threads=2) as invocations:
        futures = [invocations.submit(code(lambda _: gate.wait(10)), None) for _ in range(3)]
        assert not any(future.done() for future in futures)
        gate.wait(10)
        futures[0].result(10)
        gate.abort()


def test_an_invocation_that_takes_too_long_is_reported_once() -> None:
    reported: list[str] = []
    told, released = threading.Event(), threading.Event()

    def on_timeout(name: str) -> None:
        reported.append(name)
        told.set()

    invocations = Invocations(2, 0.05, on_timeout)
    invocations.start()
    for name in ("slow", "slower"):
        invocations.submit(code(lambda _: released.wait(10), name), None)
    assert told.wait(10)
    released.set()
    invocations.close()
    assert reported == ["slow"]


def test_one_that_ends_in_time_is_not_reported() -> None:
    told = threading.Event()
    invocations = Invocations(1, 0.2, lambda _: told.set())
    invocations.start()
    for _ in range(3):
        invocations.submit(code(lambda value: value), None).result(10)
        assert not told.wait(0.15)
    invocations.close()
