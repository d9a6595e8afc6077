"""Reads a job's audit trail, once or for as long as the job runs.

Events get their numbers and times before their transactions commit, so one may become visible behind others
with greater numbers. A follower therefore reads the last seconds of the trail again each time, and drops what
it has seen. A transaction may take longer than that: what it has hidden is found when the job has ended and
the whole trail is read once more. So events come by their numbers, but for those that became visible late.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from geojobs_client.clock import Clock
from geojobs_client.models import Event, EventPage
from geojobs_client.waiting import Pace

PAGE = 500
OVERLAP_SECONDS = 5.0

Read: TypeAlias = Callable[[str | None], EventPage]


def events_so_far(read: Read) -> Iterator[Event]:
    """All there are now, oldest first."""
    cursor: str | None = None
    while True:
        page = read(cursor)
        yield from page.events
        if _is_last(page):
            return
        cursor = page.next_cursor


class EventFollower:
    """Yields each event once, until the job has ended and a second look has brought nothing new."""

    def __init__(self, read: Read, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._base: str | None = None
        self._seen = _Numbers()
        self._ahead = float("-inf")

    def __iter__(self) -> Iterator[Event]:
        pace = Pace()
        while True:
            found = yield from self._pass()
            if found.complete and not found.new:
                break
            if found.new:
                pace.reset()
            self._clock.sleep(pace.next())
        if self._base is not None:
            yield from self._unseen(events_so_far(self._read))

    def _pass(self) -> Generator[Event, None, "_Pass"]:
        """Everything behind the base, of which what is new is yielded."""
        cursor, places, new = self._base, list[_Place](), 0
        while True:
            began = self._clock.monotonic()
            page = self._read(cursor)
            if page.events:
                newest = max(event.at.timestamp() for event in page.events)
                places.append(_Place(page.next_cursor, newest, began))
                self._ahead = max(self._ahead, newest - self._clock.monotonic())
            for event in self._unseen(page.events):
                new += 1
                yield event
            if _is_last(page):
                break
            cursor = page.next_cursor
        self._advance(places)
        return _Pass(page.complete, new)

    def _unseen(self, events: Iterable[Event]) -> Iterator[Event]:
        return (event for event in events if self._seen.add(event.event_id))

    def _advance(self, places: "list[_Place]") -> None:
        """Begin the next pass behind what was old already when it was read: little can come before it.

        The server's clock is at least as far ahead of ours as the newest event told.
        """
        for place in places:
            if place.cursor is None or place.newest + OVERLAP_SECONDS > place.began + self._ahead:
                return
            self._base = place.cursor


class _Numbers:
    """Those of all events seen, in order: eight bytes each, for jobs of millions of them."""

    def __init__(self) -> None:
        self._sorted = array("q")

    def add(self, number: int) -> bool:
        """Whether it is new."""
        place = bisect_left(self._sorted, number)
        if place < len(self._sorted) and self._sorted[place] == number:
            return False
        self._sorted.insert(place, number)
        return True


@dataclass(frozen=True)
class _Place:
    """The end of a page: its cursor, the server's time of its newest event, ours when it was asked for."""

    cursor: str | None
    newest: float
    began: float


@dataclass(frozen=True)
class _Pass:
    complete: bool
    new: int


def _is_last(page: EventPage) -> bool:
    """A page that is not full is the last one for now."""
    return page.complete or len(page.events) < PAGE or page.next_cursor is None
