"""The audit trail, of a server on which events become visible out of order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from geojobs_client import following
from geojobs_client.following import OVERLAP_SECONDS
from tests.unit.client.support import JOB_ID, FakeClock, FakeServer, event, ok


@dataclass
class Trail:
    """Events with the moments at which they become visible; the job ends at ``ends``."""

    clock: FakeClock
    ends: float
    rows: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    pages: list[tuple[int, int]] = field(default_factory=list)

    def add(self, number: int, at: float, visible: float | None = None) -> None:
        self.rows.append((at if visible is None else visible, event(number, at)))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        after, limit = int(request.url.params.get("cursor", 0)), int(request.url.params["limit"])
        now = self.clock.now - 1_000
        seen = sorted(
            (row for visible, row in self.rows if visible <= now and row["event_id"] > after),
            key=lambda row: row["event_id"],
        )
        page = seen[:limit]
        last = page[-1]["event_id"] if page else after
        self.pages.append((after, len(page)))
        complete = now >= self.ends and len(seen) <= limit
        cursor = str(last) if last else None
        return ok({"job_id": JOB_ID, "events": page, "next_cursor": cursor, "complete": complete})


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAGE", 3)
    monkeypatch.setattr("geojobs_client.client.PAGE", 3)


def read(trail: Callable[[httpx.Request], httpx.Response], clock: FakeClock, *, follow: bool) -> list[int]:
    geojobs = FakeServer(trail).client(clock)
    return [each.event_id for each in geojobs.events(JOB_ID, follow=follow)]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("count", [0, 1, 3, 7])
@pytest.mark.parametrize("ends", [0.0, 1e9])
def test_without_following_all_there_are_now_are_read(count: int, ends: float) -> None:
    clock = FakeClock()
    trail = Trail(clock, ends)
    for number in range(1, count + 1):
        trail.add(number, 0)
    assert read(trail, clock, follow=False) == list(range(1, count + 1))
    assert clock.slept == []


@pytest.mark.usefixtures("small_pages")
def test_a_follower_sees_each_event_once_until_the_job_has_ended() -> None:
    clock = FakeClock()
    trail = Trail(clock, ends=60)
    for number in range(1, 61):
        trail.add(number, number)
    assert read(trail, clock, follow=True) == list(range(1, 61))
    assert clock.now >= 1_060


@pytest.mark.usefixtures("small_pages")
def test_a_follower_sees_what_becomes_visible_behind_others() -> None:
    clock = FakeClock()
    trail = Trail(clock, ends=60)
    for number in range(1, 61):
        late = number % 7 == 0
        trail.add(number, number, visible=number + (OVERLAP_SECONDS - 1 if late else 0))
    found = read(trail, clock, follow=True)
    assert sorted(found) == list(range(1, 61))
    assert found != sorted(found)


@pytest.mark.usefixtures("small_pages")
def test_what_comes_late_at_the_very_end_is_seen() -> None:
    clock = FakeClock()
    trail = Trail(clock, ends=0)
    trail.add(1, 0, visible=0.4)
    trail.add(2, 0)
    assert read(trail, clock, follow=True) == [2, 1]


@pytest.mark.usefixtures("small_pages")
def test_what_is_old_is_not_read_again() -> None:
    clock = FakeClock()
    trail = Trail(clock, ends=20)
    for number in range(1, 31):
        trail.add(number, number / 100, visible=0)
    trail.add(31, 20)
    assert read(trail, clock, follow=True) == list(range(1, 32))
    from_the_start = [after for after, _ in trail.pages if after == 0]
    assert len(from_the_start) <= 1 + OVERLAP_SECONDS / 0.5 + 1
    all_once_more = 31 // following.PAGE + 1
    assert trail.pages[-all_once_more - 1][0] >= 27


@pytest.mark.usefixtures("small_pages")
def test_a_long_trail_is_read_once_and_only_its_end_again() -> None:
    clock = FakeClock()
    trail = Trail(clock, ends=0)
    for number in range(1, 301):
        trail.add(number, number - 1_000, visible=0)
    assert read(trail, clock, follow=True) == list(range(1, 301))
    assert len(trail.pages) <= 2 * 101 + 5


@pytest.mark.usefixtures("small_pages")
def test_what_a_long_transaction_has_hidden_is_seen_at_the_end() -> None:
    clock = FakeClock()
    trail = Trail(clock, ends=60)
    for number in range(1, 61):
        late = 10 <= number <= 12
        trail.add(number, number, visible=number + (OVERLAP_SECONDS * 4 if late else 0))
    found = read(trail, clock, follow=True)
    assert sorted(found) == list(range(1, 61))
    assert found[-3:] == [10, 11, 12]
