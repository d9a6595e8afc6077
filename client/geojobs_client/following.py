"""Reads a job's audit trail, once or for as long as the job runs.

Events get their numbers before their transactions commit, so one may become visible behind others with
greater numbers. A follower therefore reads the last seconds of the trail again each time, and drops what it
has seen.
"""

from collections.abc import Callable, Generator, Iterator
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
        self._seen: set[int] = set()
        self._ahead = float("-inf")

    def __iter__(self) -> Iterator[Event]:
        pace = Pace()
        while True:
            found = yield from self._pass()
            if found.complete and not found.new:
                return
            if found.new:
                pace.reset()
            self._clock.sleep(pace.next())

    def _pass(self) -> Generator[Event, None, "_Pass"]:
        """Everything behind the base, of which what is new is yielded."""
        cursor, read_now, places, new = self._base, set[int](), list[_Place](), 0
        while True:
            began = self._clock.monotonic()
            page = self._read(cursor)
            if page.events:
                newest = max(event.at.timestamp() for event in page.events)
                places.append(_Place(page.next_cursor, newest, began))
                self._ahead = max(self._ahead, newest - self._clock.monotonic())
            for event in page.events:
                read_now.add(event.event_id)
                if event.event_id not in self._seen:
                    self._seen.add(event.event_id)
                    new += 1
                    yield event
            if _is_last(page):
                break
            cursor = page.next_cursor
        self._advance(places)
        self._seen = read_now
        return _Pass(page.complete, new)

    def _advance(self, places: "list[_Place]") -> None:
        """Begin the next pass behind what was old already when it was read: nothing can come before it.

        The server's clock is at least as far ahead of ours as the newest event told.
        """
        for place in places:
            if place.cursor is None or place.newest + OVERLAP_SECONDS > place.began + self._ahead:
                return
            self._base = place.cursor


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
