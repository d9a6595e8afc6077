"""Measuring the whole system, whichever parts of it answer."""

import threading
from collections.abc import Iterator

import pytest

from interfaces.metrics import DatabaseMetrics
from interfaces.queues import QueueDepth
from orchestration.measuring import Measuring
from schema.errors import DatabaseUnavailableError, QueueUnavailableError
from schema.queues import ALL_QUEUES, JOB_QUEUE
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueueRepository
from tests.support.metrics import database_metrics


class FakeMetrics:
    """Implements ``interfaces.metrics.MetricsRepository``."""

    def __init__(self) -> None:
        self.away = False
        self.hanging = False
        self.go = threading.Event()
        self.reads = 0

    def read(self) -> DatabaseMetrics:
        self.reads += 1
        if self.hanging:
            assert self.go.wait(60)
        if self.away:
            raise DatabaseUnavailableError("the database is away")
        return database_metrics(outbox_messages=self.reads)


class TroubledQueue(FakeQueueRepository):
    """One queue fails, or hangs until it is let go."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.go = threading.Event()
        self.asked: list[str] = []

    def depth(self, queue: str) -> QueueDepth:
        self.asked.append(queue)
        if queue in self.failing:
            raise QueueUnavailableError("this queue is away")
        if queue in self.hanging:
            assert self.go.wait(60)
        return super().depth(queue)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> Iterator[TroubledQueue]:
    queue = TroubledQueue(clock)
    yield queue
    queue.go.set()


@pytest.fixture
def repository() -> Iterator[FakeMetrics]:
    repository = FakeMetrics()
    yield repository
    repository.go.set()


@pytest.fixture
def measuring(repository: FakeMetrics, queue: TroubledQueue, clock: FakeClock) -> Iterator[Measuring]:
    measuring = Measuring(repository, queue, clock, timeout_seconds=0.2, keep_seconds=3.0)
    yield measuring
    measuring.close()


def test_all_that_answers_is_measured(measuring: Measuring, queue: TroubledQueue) -> None:
    queue.put(JOB_QUEUE, b"message")
    found = measuring()
    assert found.database is not None
    assert [depth.queue for depth in found.queues] == [*ALL_QUEUES]
    assert found.queues[0].approximate_messages == 1
    assert found.up == {"database": True, "queues": True}


def test_a_queue_that_fails_is_left_out(measuring: Measuring, queue: TroubledQueue) -> None:
    queue.failing.add(JOB_QUEUE)
    found = measuring()
    assert [depth.queue for depth in found.queues] == [name for name in ALL_QUEUES if name != JOB_QUEUE]
    assert found.up == {"database": True, "queues": False}


def test_a_queue_that_hangs_is_left_out_and_not_asked_again(
    measuring: Measuring, queue: TroubledQueue, clock: FakeClock
) -> None:
    queue.hanging.add(JOB_QUEUE)
    for _ in range(3):
        found = measuring()
        assert JOB_QUEUE not in [depth.queue for depth in found.queues]
        clock.advance(3)
    assert queue.asked.count(JOB_QUEUE) == 1


def test_without_the_database_the_queues_are_measured(measuring: Measuring, repository: FakeMetrics) -> None:
    repository.away = True
    found = measuring()
    assert found.database is None
    assert len(found.queues) == len(ALL_QUEUES)
    assert found.up == {"database": False, "queues": True}


def test_a_database_that_hangs_is_left_out_and_not_asked_again(
    measuring: Measuring, repository: FakeMetrics, clock: FakeClock
) -> None:
    repository.hanging = True
    for _ in range(3):
        found = measuring()
        assert found.database is None
        assert len(found.queues) == len(ALL_QUEUES)
        assert found.up == {"database": False, "queues": True}
        clock.advance(3)
    assert repository.reads == 1


def test_a_database_that_answers_again_is_measured_again(
    measuring: Measuring, repository: FakeMetrics, clock: FakeClock
) -> None:
    repository.away = True
    assert measuring().database is None
    repository.away = False
    clock.advance(3)
    assert measuring().up["database"]


def test_one_reading_serves_many_for_a_while(
    measuring: Measuring, repository: FakeMetrics, clock: FakeClock
) -> None:
    first = measuring()
    clock.advance(2.9)
    assert measuring() is first
    clock.advance(0.1)
    assert measuring() is not first
    assert repository.reads == 2
