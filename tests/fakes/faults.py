"""Crash places: what happens to a process just before, at, or just after its next calls."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class ProcessDiedError(BaseException):
    """The process is gone. Not an ``Exception``: no handler of errors outlives its process."""


class Moment(StrEnum):
    """``BEGIN``: nothing done. ``COMMIT``: done, but lost. ``COMMITTED``: done, though nobody hears of it."""

    BEGIN = "begin"
    COMMIT = "commit"
    COMMITTED = "committed"


@dataclass
class _Armed:
    moment: Moment
    remaining: int
    action: Callable[[], None]


class Faults:
    """At most one fault at a time; it strikes once, at the n-th call from now that reaches its moment."""

    def __init__(self) -> None:
        self._armed: _Armed | None = None

    def arm(self, action: Callable[[], None] | BaseException, moment: Moment, call: int = 1) -> None:
        """``action`` is raised, or called; ``call`` counts from 1."""
        self._armed = _Armed(moment, call, _raising(action) if isinstance(action, BaseException) else action)

    def disarm(self) -> None:
        self._armed = None

    def reach(self, moment: Moment) -> None:
        """Called by the fakes wherever a process may die."""
        armed = self._armed
        if armed is None or armed.moment is not moment:
            return
        armed.remaining -= 1
        if armed.remaining == 0:
            self._armed = None
            armed.action()


def _raising(error: BaseException) -> Callable[[], None]:
    def strike() -> None:
        raise error

    return strike
