"""Health checks: what state follows from what was found, and that one check never holds up the answer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from interfaces.inspection import DatabaseState
from interfaces.queues import QueueDepth
from orchestration.health import Check, Finding, HealthChecks
from orchestration.health_checks import DatabaseCheck, check_callbacks, check_queues
from schema.api import HealthState
from schema.callbacks import CallbackBacklog
from schema.errors import QueueUnavailableError
from schema.queues import ALL_QUEUES
from tests.fakes.callbacks import FakeCallbackRepository
from tests.fakes.clock import FakeClock
from tests.fakes.database import FakeDatabase


class SteadyClock(FakeClock):
    """Real seconds, as time-outs need them."""

    def monotonic(self) -> float:
        return monotonic()


@pytest.fixture
def make() -> Iterator[Callable[..., HealthChecks]]:
    """Makes checks that are closed after the test."""
    with ExitStack() as stack:

        def make(timeout_seconds: float = 5.0, **checks: Check) -> HealthChecks:
            made = HealthChecks(checks, SteadyClock(), timeout_seconds)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def hanging() -> Iterator[Callable[[], Finding]]:
    """A check that does not come back before the test is over; ``calls`` counts how often it was begun."""
    over = threading.Event()

    class Hanging:
        calls = 0

        def __call__(self) -> Finding:
            self.calls += 1
            over.wait(30)
            return Finding()

    yield Hanging()
    over.set()


def raising(error: Exception) -> Check:
    def check() -> Finding:
        raise error

    return check


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        (["healthy", "healthy"], "healthy"),
        (["healthy", "degraded"], "degraded"),
        (["degraded", "unhealthy", "healthy"], "unhealthy"),
    ],
)
def test_the_whole_is_as_well_as_its_worst_part(
    make: Callable[..., HealthChecks], states: list[str], worst: str
) -> None:
    checks = {f"c{number}": lambda s=state: Finding(HealthState(s)) for number, state in enumerate(states)}
    assert make(**checks)().status == worst


def test_a_server_that_is_away_is_unhealthy_with_the_reason(make: Callable[..., HealthChecks]) -> None:
    component = make(queues=raising(QueueUnavailableError("the queue did not answer")))().components["queues"]
    assert (component.state, component.message) == ("unhealthy", "the queue did not answer")


def test_a_check_that_breaks_is_logged_and_tells_nothing(
    make: Callable[..., HealthChecks], caplog: pytest.LogCaptureFixture
) -> None:
    component = make(broken=raising(RuntimeError("secret")))().components["broken"]
    assert component.state == "unhealthy"
    assert "secret" not in (component.message or "")
    assert [record.message for record in caplog.records] == ["health check failed unexpectedly"]


def test_a_check_that_hangs_does_not_hold_up_the_others(
    make: Callable[..., HealthChecks], hanging: Check
) -> None:
    begun = monotonic()
    found = make(0.1, slow=hanging, fast=Finding)()
    assert monotonic() - begun < 2
    assert found.components["slow"].message == "no answer within 0.1 s"
    assert found.components["fast"].state == "healthy"


def test_a_check_that_hangs_holds_one_thread_however_often_it_is_asked_for(
    make: Callable[..., HealthChecks], hanging: Check
) -> None:
    health = make(0.02, slow=hanging)
    assert [health().status for _ in range(5)] == ["unhealthy"] * 5
    assert hanging.calls == 1  # pyright: ignore[reportFunctionMemberAccess] -- see the fixture


def test_checks_run_at_once(make: Callable[..., HealthChecks]) -> None:
    meeting = threading.Barrier(3, timeout=5)

    def check() -> Finding:
        meeting.wait()
        return Finding()

    assert make(a=check, b=check, c=check)().status == "healthy"


class StubInspection:
    def __init__(self, state: DatabaseState) -> None:
        self._state = state

    def state(self) -> DatabaseState:
        return self._state


class StubSchema:
    def newest(self) -> int:
        return 3


def database_finding(
    *,
    schema_version: int | None = 3,
    swept_ago: float | None = None,
    up_for: float = 0,
    sweep_error: str | None = None,
    unfinished_for: float | None = None,
) -> Finding:
    clock = FakeClock()

    def ago(seconds: float | None) -> datetime | None:
        return None if seconds is None else clock.now() + timedelta(seconds=up_for - seconds)

    state = DatabaseState(
        "15.1", schema_version, ago(swept_ago), {"pool_size": 1}, sweep_error, ago(unfinished_for)
    )
    check = DatabaseCheck(StubInspection(state), StubSchema(), clock)  # type: ignore[arg-type]
    clock.advance(up_for)
    return check()


def test_a_database_of_the_newest_version_is_healthy() -> None:
    finding = database_finding()
    assert finding.state is HealthState.HEALTHY
    assert finding.details["schema_version"] == finding.details["newest_migration"] == 3


@pytest.mark.parametrize("version", [2, 4])
def test_another_version_of_the_schema_degrades(version: int) -> None:
    finding = database_finding(schema_version=version)
    assert finding.state is HealthState.DEGRADED
    assert finding.message == f"the schema is at version {version}, the app brings 3"


def test_no_schema_is_unhealthy() -> None:
    assert database_finding(schema_version=None).state is HealthState.UNHEALTHY


@pytest.mark.parametrize(
    ("swept_ago", "up_for", "state"),
    [
        (None, 170, HealthState.HEALTHY),
        (1_000, 170, HealthState.HEALTHY),
        (None, 190, HealthState.DEGRADED),
        (181, 190, HealthState.DEGRADED),
        (170, 190, HealthState.HEALTHY),
    ],
)
def test_a_sweep_is_expected_every_three_minutes_once_the_app_runs_that_long(
    swept_ago: float | None, up_for: float, state: HealthState
) -> None:
    finding = database_finding(swept_ago=swept_ago, up_for=up_for)
    assert finding.state is state
    assert (finding.message is None) is (state is HealthState.HEALTHY)


def test_a_sweep_whose_repairs_failed_degrades_whatever_the_time() -> None:
    finding = database_finding(swept_ago=1, sweep_error="deadlines: UndefinedColumn")
    assert finding.state is HealthState.DEGRADED
    assert finding.message == "repairs of the last sweep failed: deadlines: UndefinedColumn"
    assert finding.details["last_sweep_error"] == "deadlines: UndefinedColumn"


@pytest.mark.parametrize(
    ("unfinished_for", "state"),
    [(None, HealthState.HEALTHY), (100, HealthState.HEALTHY), (200, HealthState.DEGRADED)],
)
def test_a_sweep_that_does_not_come_to_its_end_degrades(
    unfinished_for: float | None, state: HealthState
) -> None:
    finding = database_finding(swept_ago=170, up_for=190, unfinished_for=unfinished_for)
    assert finding.state is state
    if state is HealthState.DEGRADED:
        assert (finding.message or "").startswith("a sweep has not finished since ")


class StubQueue:
    def __init__(self, *counts: int) -> None:
        self._counts = counts

    def depths(self) -> list[QueueDepth]:
        return [QueueDepth(name, count, 1.5) for name, count in zip(ALL_QUEUES, self._counts, strict=True)]


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ((0, 0, 0, 0), HealthState.HEALTHY),
        ((900, 900, 0, 0), HealthState.HEALTHY),
        ((0, 0, 1, 0), HealthState.DEGRADED),
        ((0, 0, 0, 2), HealthState.DEGRADED),
    ],
)
def test_only_poison_degrades_queues(counts: tuple[int, ...], state: HealthState) -> None:
    finding = check_queues(StubQueue(*counts))  # type: ignore[arg-type]
    assert finding.state is state
    assert len(finding.details) == len(ALL_QUEUES)


def test_callbacks_that_are_due_or_given_up_are_counted_and_no_illness() -> None:
    since = datetime(2025, 1, 1, tzinfo=UTC)

    class Behind(FakeCallbackRepository):
        def backlog(self) -> CallbackBacklog:
            return CallbackBacklog(due=2, due_since=since, failed=1)

    finding = check_callbacks(Behind(FakeDatabase(FakeClock())))
    assert finding.state is HealthState.HEALTHY
    assert finding.details == {"due": 2, "due_since": since.isoformat(), "given_up": 1}
