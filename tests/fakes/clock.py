"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

_START = datetime(2025, 1, 1, tzinfo=UTC)


class FakeClock:
    """Implements ``interfaces.clock.Clock``."""

    def __init__(self, start: datetime = _START) -> None:
        self._start = start
        self._elapsed = timedelta()

    def now(self) -> datetime:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed.total_seconds()

    def pause(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self._elapsed += timedelta(seconds=seconds)
