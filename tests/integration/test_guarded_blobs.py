"""The circuit breaker before blob storage: when it opens, what it lets through, and that it queues nobody."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pybreaker
import pytest

from interfaces.blobs import BlobInfo
from repositories.circuits import call_and_tell
from repositories.guarded_blobs import FAILURES_TO_OPEN, OPEN_SECONDS, GuardedBlobRepository, new_breaker
from repositories.storage_blob import StorageBlobRepository
from repositories.storage_connection import StorageConnection
from schema.errors import (
    PermanentTaskError,
    RetryableTaskError,
    TaskDeferredError,
    TaskError,
    ThrottledTaskError,
)
from tests.fakes.blobs import FakeBlobRepository

AWAY = RetryableTaskError("away", "BLOB_UNAVAILABLE")


class Clockless:
    """A breaker whose wait is over when a test says so."""

    def __init__(self, open_seconds: float = 3_600.0) -> None:
        self.breaker = new_breaker("blob storage", open_seconds)

    def let_time_pass(self) -> None:
        self.breaker._state_storage.opened_at = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def clockless() -> Clockless:
    return Clockless()


@pytest.fixture
def inner() -> FakeBlobRepository:
    blobs = FakeBlobRepository()
    blobs.put("bronze", "a.txt", b"abc")
    return blobs


@pytest.fixture
def blobs(inner: FakeBlobRepository, clockless: Clockless) -> GuardedBlobRepository:
    return GuardedBlobRepository(inner, clockless.breaker)


def fail(
    blobs: GuardedBlobRepository, inner: FakeBlobRepository, times: int, error: TaskError = AWAY
) -> None:
    inner.failing_with = error
    for _ in range(times):
        with pytest.raises(type(error)):
            blobs.info("bronze", "a.txt")


CALLS: list[Callable[[GuardedBlobRepository], object]] = [
    lambda blobs: list(blobs.list_blobs("bronze")),
    lambda blobs: blobs.info("bronze", "a.txt"),
    lambda blobs: blobs.read_range("bronze", "a.txt", 0, 1),
    lambda blobs: blobs.write("silver", "b.txt", b"", "text/plain"),
    lambda blobs: blobs.stage_block("silver", "b.txt", "b-1", b""),
    lambda blobs: blobs.commit_blocks("silver", "b.txt", ["b-1"], "text/plain"),
    lambda blobs: blobs.blocks("silver", "b.txt"),
    lambda blobs: blobs.staged_blocks("silver", "b.txt"),
    lambda blobs: blobs.delete("silver", "b.txt"),
]
each_call = pytest.mark.parametrize(
    "call", CALLS, ids=["list", "info", "read", "write", "stage", "commit", "blocks", "staged", "delete"]
)


class TestClosed:
    def test_calls_go_through(self, blobs: GuardedBlobRepository, inner: FakeBlobRepository) -> None:
        inner.containers["silver"] = {}
        assert [blob.name for blob in blobs.list_blobs("bronze")] == ["a.txt"]
        assert blobs.info("bronze", "a.txt").size == 3
        assert blobs.read_range("bronze", "a.txt", 1, 2) == b"bc"
        assert blobs.write("silver", "b.txt", b"x", "text/plain").name == "b.txt"
        blobs.stage_block("silver", "c.txt", "b-1", b"xy")
        assert blobs.staged_blocks("silver", "c.txt") == {"b-1": 2}
        assert blobs.commit_blocks("silver", "c.txt", ["b-1"], "text/plain").size == 2
        assert blobs.blocks("silver", "c.txt") == {"b-1": 2}
        blobs.delete("silver", "c.txt")
        assert list(blobs.list_blobs("silver", "c")) == []
        assert blobs.output_container == inner.output_container

    def test_a_failure_reaches_the_caller_as_it_is(
        self, blobs: GuardedBlobRepository, inner: FakeBlobRepository
    ) -> None:
        inner.failing_with = AWAY
        with pytest.raises(RetryableTaskError) as raised:
            blobs.info("bronze", "a.txt")
        assert raised.value is AWAY

    def test_a_success_forgets_the_failures_before_it(
        self, blobs: GuardedBlobRepository, inner: FakeBlobRepository, clockless: Clockless
    ) -> None:
        for _ in range(3):
            fail(blobs, inner, FAILURES_TO_OPEN - 1)
            inner.failing_with = None
            blobs.info("bronze", "a.txt")
        assert clockless.breaker.current_state == pybreaker.STATE_CLOSED

    def test_what_the_caller_asked_wrongly_is_no_failure_of_the_service(
        self, blobs: GuardedBlobRepository, inner: FakeBlobRepository, clockless: Clockless
    ) -> None:
        fail(blobs, inner, 3 * FAILURES_TO_OPEN, PermanentTaskError("no such blob", "BLOB_NOT_FOUND"))
        assert clockless.breaker.current_state == pybreaker.STATE_CLOSED

    def test_calls_do_not_wait_for_each_other(self, clockless: Clockless) -> None:
        meeting = threading.Barrier(8, timeout=10)

        class Meeting(FakeBlobRepository):
            def info(self, container: str, blob: str) -> BlobInfo:
                meeting.wait()
                return super().info(container, blob)

        inner = Meeting()
        inner.put("bronze", "a.txt")
        blobs = GuardedBlobRepository(inner, clockless.breaker)
        with ThreadPoolExecutor(8) as callers:
            found = list(callers.map(lambda _: blobs.info("bronze", "a.txt").name, range(8)))
        assert found == ["a.txt"] * 8


class TestOpen:
    @pytest.mark.parametrize("error", [AWAY, ThrottledTaskError("patience", "BLOB_THROTTLED")])
    def test_it_opens_after_five_failures(
        self,
        blobs: GuardedBlobRepository,
        inner: FakeBlobRepository,
        clockless: Clockless,
        error: TaskError,
    ) -> None:
        fail(blobs, inner, FAILURES_TO_OPEN - 1, error)
        assert clockless.breaker.current_state == pybreaker.STATE_CLOSED
        fail(blobs, inner, 1, error)
        assert clockless.breaker.current_state == pybreaker.STATE_OPEN

    @each_call
    def test_tasks_wait_and_the_service_is_left_alone(
        self,
        blobs: GuardedBlobRepository,
        inner: FakeBlobRepository,
        call: Callable[[GuardedBlobRepository], object],
    ) -> None:
        fail(blobs, inner, FAILURES_TO_OPEN)
        inner.failing_with = None
        with pytest.raises(TaskDeferredError) as raised:
            call(blobs)
        assert (raised.value.error_code, raised.value.retry_after) == ("CIRCUIT_OPEN", 3_600)
        assert inner.reads == []

    @each_call
    def test_failures_of_any_call_open_it(
        self,
        blobs: GuardedBlobRepository,
        inner: FakeBlobRepository,
        call: Callable[[GuardedBlobRepository], object],
    ) -> None:
        inner.failing_with = AWAY
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(RetryableTaskError):
                call(blobs)
        with pytest.raises(TaskDeferredError):
            blobs.info("bronze", "a.txt")

    def test_health_still_asks_the_service_itself(
        self, blobs: GuardedBlobRepository, inner: FakeBlobRepository
    ) -> None:
        fail(blobs, inner, FAILURES_TO_OPEN)
        inner.failing_with = None
        blobs.ping()

    def test_failures_that_come_late_change_nothing(
        self, blobs: GuardedBlobRepository, inner: FakeBlobRepository, clockless: Clockless
    ) -> None:
        """Calls that were under way when the circuit opened."""
        fail(blobs, inner, FAILURES_TO_OPEN)
        with pytest.raises(RetryableTaskError) as raised:
            call_and_tell(blobs._breaker, lambda: inner.info("bronze", "a.txt"))
        assert raised.value is AWAY
        assert clockless.breaker.current_state == pybreaker.STATE_OPEN


class TestHalfOpen:
    @pytest.fixture
    def opened(
        self, blobs: GuardedBlobRepository, inner: FakeBlobRepository, clockless: Clockless
    ) -> GuardedBlobRepository:
        fail(blobs, inner, FAILURES_TO_OPEN)
        clockless.let_time_pass()
        return blobs

    def test_a_trial_that_goes_well_closes_it(
        self, opened: GuardedBlobRepository, inner: FakeBlobRepository, clockless: Clockless
    ) -> None:
        inner.failing_with = None
        assert opened.info("bronze", "a.txt").size == 3
        assert clockless.breaker.current_state == pybreaker.STATE_CLOSED

    def test_a_trial_that_fails_opens_it_again(
        self, opened: GuardedBlobRepository, clockless: Clockless
    ) -> None:
        with pytest.raises(RetryableTaskError):
            opened.info("bronze", "a.txt")
        assert clockless.breaker.current_state == pybreaker.STATE_OPEN
        with pytest.raises(TaskDeferredError):
            opened.info("bronze", "a.txt")

    def test_one_call_tries_for_all(self, clockless: Clockless) -> None:
        calls: list[int] = []

        class Counting(FakeBlobRepository):
            def info(self, container: str, blob: str) -> BlobInfo:
                calls.append(1)
                return super().info(container, blob)

        inner = Counting()
        blobs = GuardedBlobRepository(inner, clockless.breaker)
        fail(blobs, inner, FAILURES_TO_OPEN)
        clockless.let_time_pass()
        calls.clear()

        def failed(_: int) -> str:
            try:
                blobs.info("bronze", "a.txt")
            except TaskError as exc:
                return exc.error_code
            return "no error"

        with ThreadPoolExecutor(8) as callers:
            codes = sorted(callers.map(failed, range(8)))
        assert (len(calls), codes) == (1, ["BLOB_UNAVAILABLE", *["CIRCUIT_OPEN"] * 7])


def test_it_waits_half_a_minute_unless_told_otherwise() -> None:
    breaker = new_breaker("blob storage")
    assert (breaker.fail_max, float(breaker.reset_timeout)) == (FAILURES_TO_OPEN, OPEN_SECONDS)


@pytest.fixture
def unreachable() -> Iterator[StorageConnection]:
    connection = StorageConnection(
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;"
    )
    yield connection
    connection.close()


def test_a_real_storage_that_is_away_opens_it(unreachable: StorageConnection) -> None:
    breaker = new_breaker("blob storage")
    blobs = GuardedBlobRepository(StorageBlobRepository(unreachable, ("bronze",), ("silver",)), breaker)

    def ask(_: int) -> str:
        with pytest.raises(TaskError) as raised:
            blobs.info("bronze", "a.txt")
        return raised.value.error_code

    with ThreadPoolExecutor(FAILURES_TO_OPEN) as callers:
        assert set(callers.map(ask, range(FAILURES_TO_OPEN))) == {"BLOB_UNAVAILABLE"}
    assert ask(0) == "CIRCUIT_OPEN"
