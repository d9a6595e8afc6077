"""Time as the client sees it, so that tests need not wait for it."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True)
class Deadline:
    """A moment of the clock after which nobody waits any longer; ``None`` is never."""

    clock: Clock
    at: float | None = None

    @classmethod
    def after(cls, clock: Clock, seconds: float | None) -> "Deadline":
        return cls(clock, None if seconds is None else clock.monotonic() + seconds)

    def remaining(self) -> float:
        """In seconds; never less than 0."""
        return float("inf") if self.at is None else max(0.0, self.at - self.clock.monotonic())
