"""Leases are kept alive while a task runs, and their loss is noticed."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID, uuid4

import pytest

from orchestration.leases import LeaseKeeper
from schema.errors import DatabaseUnavailableError
from schema.records import ClaimedTask, Heartbeat, LeaseState
from tests.fakes.clock import FakeClock
from tests.support.system import StillLeaseKeeper


class FakeHeartbeats:
    """Answers heartbeats from ``states``; away where ``away`` is set."""

    def __init__(self) -> None:
        self.beats: list[Heartbeat] = []
        self.states: dict[UUID, LeaseState] = {}
        self.away: Exception | None = None
        self.heard = threading.Event()

    def heartbeat(self, beats: Sequence[Heartbeat]) -> Mapping[UUID, LeaseState]:
        if self.away is not None:
            self.heard.set()
            raise self.away
        self.beats.extend(beats)
        self.heard.set()
        return {beat.lease_token: self.states.get(beat.lease_token, LeaseState.HELD) for beat in beats}


def claimed(seconds: float = 120) -> ClaimedTask:
    return ClaimedTask(
        task_id="task-1",
        job_id="a" * 64,
        run=1,
        stage=1,
        task_index="0",
        task_type="work",
        parameters={},
        attempt=1,
        max_attempts=3,
        lease_token=uuid4(),
        lease_seconds=seconds,
        timeout_seconds=600,
    )


@pytest.fixture
def tasks() -> FakeHeartbeats:
    return FakeHeartbeats()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keeper(tasks: FakeHeartbeats, clock: FakeClock) -> LeaseKeeper:
    return StillLeaseKeeper(tasks, clock)


def test_a_lease_beats_each_quarter_of_its_length(
    keeper: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock
) -> None:
    with keeper.hold(claimed(seconds=120), "corr-1"):
        for _ in range(12):
            clock.advance(10)
            keeper.beat()
    assert len(tasks.beats) == 4


def test_a_beat_carries_the_progress(keeper: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock) -> None:
    task = claimed()
    with keeper.hold(task, "corr-1") as lease:
        lease.progress = 0.5
        clock.advance(30)
        keeper.beat()
    assert tasks.beats == [Heartbeat("task-1", task.lease_token, 0.5)]


def test_all_leases_that_are_due_beat_together(
    keeper: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock
) -> None:
    with (
        keeper.hold(claimed(120), "corr-1"),
        keeper.hold(claimed(120), "corr-1"),
        keeper.hold(claimed(1200), "corr-1"),
    ):
        clock.advance(30)
        keeper.beat()
    assert len(tasks.beats) == 2


def test_a_lease_that_was_let_go_does_not_beat(
    keeper: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock
) -> None:
    with pytest.raises(KeyError), keeper.hold(claimed(), "corr-1"):
        raise KeyError("handler")
    clock.advance(1_000)
    keeper.beat()
    assert tasks.beats == []


@pytest.mark.parametrize("state", [LeaseState.LOST, LeaseState.CANCEL_REQUESTED, LeaseState.HELD])
def test_a_beat_tells_what_became_of_the_lease(
    keeper: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock, state: LeaseState
) -> None:
    task = claimed()
    tasks.states[task.lease_token] = state
    with keeper.hold(task, "corr-1") as lease:
        clock.advance(30)
        keeper.beat()
        assert lease.state is state


class TestDatabaseAway:
    @pytest.fixture(autouse=True)
    def away(self, tasks: FakeHeartbeats) -> None:
        tasks.away = DatabaseUnavailableError("away")

    def test_a_lease_counts_as_held_until_it_runs_out(self, keeper: LeaseKeeper, clock: FakeClock) -> None:
        with keeper.hold(claimed(120), "corr-1") as lease:
            for _ in range(4):
                clock.advance(29)
                keeper.beat()
            assert lease.state is LeaseState.HELD
            clock.advance(5)
            keeper.beat()
            assert lease.state is LeaseState.LOST

    def test_a_beat_is_tried_again_at_the_next_tick(
        self, keeper: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock
    ) -> None:
        with keeper.hold(claimed(120), "corr-1") as lease:
            clock.advance(30)
            keeper.beat()
            tasks.away = None
            clock.advance(1)
            keeper.beat()
            assert (len(tasks.beats), lease.expires) == (1, 151)


class TestThread:
    @pytest.fixture
    def running(self, tasks: FakeHeartbeats, clock: FakeClock) -> Iterator[LeaseKeeper]:
        keeper = LeaseKeeper(tasks, clock, tick_seconds=0.001)
        yield keeper
        keeper.close()

    def test_it_beats_by_itself(self, running: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock) -> None:
        with running.hold(claimed(), "corr-1"):
            clock.advance(30)
            assert tasks.heard.wait(10)

    def test_it_outlives_a_beat_that_breaks(
        self, running: LeaseKeeper, tasks: FakeHeartbeats, clock: FakeClock
    ) -> None:
        tasks.away = RuntimeError("broken")
        with running.hold(claimed(), "corr-1"):
            clock.advance(30)
            assert tasks.heard.wait(10)
            tasks.heard.clear()
            tasks.away = None
            assert tasks.heard.wait(10)

    def test_it_ends_when_there_has_been_no_lease_for_a_while(
        self, running: LeaseKeeper, wait_until: Callable[[Callable[[], bool]], None]
    ) -> None:
        with running.hold(claimed(), "corr-1"):
            pass
        wait_until(lambda: running._thread is None)

    def test_it_starts_again_with_the_next_lease(
        self,
        running: LeaseKeeper,
        tasks: FakeHeartbeats,
        clock: FakeClock,
        wait_until: Callable[[Callable[[], bool]], None],
    ) -> None:
        with running.hold(claimed(), "corr-1"):
            pass
        wait_until(lambda: running._thread is None)
        with running.hold(claimed(), "corr-1"):
            clock.advance(30)
            assert tasks.heard.wait(10)

    def test_leases_share_it(self, running: LeaseKeeper) -> None:
        with running.hold(claimed(), "corr-1"):
            thread = running._thread
            with running.hold(claimed(), "corr-1"):
                assert running._thread is thread

    def test_closing_ends_it(self, running: LeaseKeeper) -> None:
        with running.hold(claimed(), "corr-1"):
            thread = running._thread
            assert thread is not None
            running.close()
            assert not thread.is_alive()


def test_closing_a_keeper_that_never_held_a_lease_is_nothing(tasks: FakeHeartbeats, clock: FakeClock) -> None:
    LeaseKeeper(tasks, clock).close()
