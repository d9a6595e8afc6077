"""Systems over fakes, closed after each test."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import TOLERANT, handlers, job_type, stage


@pytest.fixture
def make_system() -> Iterator[Callable[..., FakeSystem]]:
    made: list[FakeSystem] = []

    def make(*arguments: object, **options: int) -> FakeSystem:
        made.append(FakeSystem(*(arguments or (job_type(), handlers())), **options))
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def system(make_system: Callable[..., FakeSystem]) -> FakeSystem:
    """One job type of one stage of n tasks."""
    return make_system()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition that another thread brings about; fails after ten seconds."""

    def wait_until(condition: Callable[[], bool]) -> None:
        pause, deadline = threading.Event(), time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            pause.wait(0.001)

    return wait_until


@pytest.fixture
def started(make_system: Callable[..., FakeSystem]) -> Callable[..., FakeSystem]:
    """A system whose only visible message is that of a job's only task."""

    def started(handler: Callable[..., object], n: int = 1) -> FakeSystem:
        system = make_system(job_type(stage(failure=TOLERANT)), handlers(handler))
        system.submit("trial", {"n": n})
        system.deliver(system.queue.visible()[0])
        return system

    return started
