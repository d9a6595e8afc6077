"""Schedules, their record, and timers that run by them."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from azure.functions.timer import TimerRequest

from devhost.errors import StartError
from devhost.functions import TimerFunction
from devhost.invocations import Invocations
from devhost.schedule import Schedule, TimerRecords, TimerStatus
from devhost.timers import TimerListener
from tests.unit.devhost.support import code, eventually, running_invocations

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
Start = Callable[..., TimerListener]


@pytest.fixture
def records(tmp_path: Path) -> TimerRecords:
    return TimerRecords(tmp_path / ".local" / "timers.json")


@pytest.fixture
def invocations() -> Iterator[Invocations]:
    with running_invocations() as invocations:
        yield invocations


@pytest.fixture
def start(records: TimerRecords, invocations: Invocations) -> Iterator[Start]:
    """Starts a timer; stops it after the test."""
    listeners: list[TimerListener] = []

    def begin(
        call: Callable[[TimerRequest], object], schedule: str, *, on_startup: bool = False, **options: Any
    ) -> TimerListener:
        function = TimerFunction(code(call), schedule, run_on_startup=on_startup, use_monitor=True)
        listener = TimerListener(function, invocations, records, **options)
        listener.start()
        listeners.append(listener)
        return listener

    yield begin
    for listener in listeners:
        listener.stop()
        assert listener.join(monotonic() + 10)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 * * * * *", NOON.replace(second=30)),
        ("*/10 * * * * *", NOON.replace(second=10)),
        ("0 30 9 * * *", datetime(2026, 6, 16, 9, 30, tzinfo=UTC)),
        ("0 0 0 1 1 *", datetime(2027, 1, 1, tzinfo=UTC)),
        ("0 0 0 * * MON", datetime(2026, 6, 22, tzinfo=UTC)),
        ("*/5 * * * *", NOON.replace(minute=5)),
        ("0 0 0 13 * FRI", datetime(2026, 11, 13, tzinfo=UTC)),
    ],
)
def test_the_next_time_follows_the_schedule(expression: str, expected: datetime) -> None:
    assert Schedule(expression).next_after(NOON) == expected


@pytest.mark.parametrize("expression", ["", "* * * *", "61 * * * * *", "* * * * * * *", "00:05:00", "%X%"])
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(StartError, match="schedule"):
        Schedule(expression)


@pytest.mark.parametrize(
    ("expression", "monitored"), [("*/10 * * * * *", False), ("30 * * * * *", True), ("0 0 9 * * *", True)]
)
def test_only_a_schedule_of_a_minute_or_more_is_kept_on_record(expression: str, *, monitored: bool) -> None:
    assert Schedule(expression).is_monitored(NOON) is monitored


def test_a_run_that_began_early_counts_for_its_own_time() -> None:
    schedule = Schedule("30 * * * * *")
    status = TimerStatus(NOON, NOON.replace(second=30), NOON)
    early = status.next - timedelta(milliseconds=5)
    assert status.after_run(schedule, early, scheduled=True).next == NOON.replace(minute=1, second=30)
    assert status.after_run(schedule, early, scheduled=False).next == status.next


def test_a_record_is_found_again_but_not_for_another_schedule(records: TimerRecords) -> None:
    hourly = Schedule("0 0 * * * *")
    status = TimerStatus.initial(hourly, NOON)
    records.save("timer", hourly, status)
    assert records.load("timer", hourly) == status
    assert records.load("timer", Schedule("0 5 * * * *")) is None
    assert records.load("other", hourly) is None


@pytest.mark.parametrize("content", ["", "[]", '{"timer": {}}', '{"timer": {"schedule": "0 0 * * * *"}}'])
def test_a_broken_record_counts_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "timers.json"
    path.write_text(content)
    assert TimerRecords(path).load("timer", Schedule("0 0 * * * *")) is None


def test_a_timer_runs_again_and_again(start: Start) -> None:
    runs: list[bool] = []
    start(lambda value: runs.append(value.past_due), "* * * * * *")
    eventually(lambda: len(runs) >= 2)
    assert not any(runs)


def test_a_timer_does_not_run_at_start_unless_told_to(start: Start) -> None:
    at_start: list[TimerRequest] = []
    later: list[TimerRequest] = []
    start(later.append, "0 0 0 1 1 *")
    start(at_start.append, "0 0 0 1 1 *", on_startup=True)
    eventually(lambda: len(at_start) == 1)
    assert later == []
    assert not at_start[0].past_due
    assert at_start[0].schedule == {"AdjustForDST": True}


def test_a_missed_run_is_made_up_for_at_start(start: Start, records: TimerRecords) -> None:
    schedule = Schedule("0 0 * * * *")
    missed = TimerStatus.initial(schedule, datetime.now(UTC) - timedelta(hours=3))
    records.save("tested", schedule, missed)
    runs: list[TimerRequest] = []
    start(runs.append, schedule.expression)
    eventually(lambda: len(runs) == 1)
    assert runs[0].past_due
    assert runs[0].schedule_status["Next"] == missed.next.isoformat()
    eventually(lambda: (kept := records.load("tested", schedule)) and kept.next > datetime.now(UTC))


def test_an_error_does_not_end_a_timer(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    runs: list[object] = []

    def fail(value: TimerRequest) -> None:
        runs.append(value)
        raise RuntimeError("told to fail")

    start(fail, "* * * * * *")
    eventually(lambda: len(runs) >= 2)
    assert "function failed" in caplog.text


def test_runs_of_one_timer_never_overlap(start: Start) -> None:
    running = threading.Semaphore(1)
    overlaps: list[bool] = []
    pause = threading.Event()

    def run(value: TimerRequest) -> None:
        overlaps.append(not running.acquire(blocking=False))
        pause.wait(1.2)
        running.release()

    start(run, "* * * * * *")
    eventually(lambda: len(overlaps) >= 2)
    pause.set()
    assert not any(overlaps)


def test_stopping_waits_for_a_run_under_way(start: Start) -> None:
    started, released, ended = threading.Event(), threading.Event(), threading.Event()

    def run(value: TimerRequest) -> None:
        started.set()
        released.wait(10)
        ended.set()

    listener = start(run, "0 0 0 1 1 *", on_startup=True)
    assert started.wait(10)
    listener.stop()
    assert not listener.join(monotonic() + 0.05)
    released.set()
    assert listener.join(monotonic() + 10)
    assert ended.is_set()
