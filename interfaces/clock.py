"""Time as the orchestration sees it; tests bring their own."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary point, never going back."""
        ...

    def pause(self, seconds: float) -> None:
        """Wait."""
        ...
