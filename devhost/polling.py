"""How long to wait: between polls of an empty queue, and until a message's next renewal.

The behaviour is that of the WebJobs SDK's ``RandomizedExponentialBackoffStrategy`` and
``LinearSpeedupStrategy``, which the Functions host uses.
"""

from collections.abc import Callable
from random import uniform

MINIMUM_POLLING_SECONDS = 0.1
_JITTER = 0.2


class PollingDelays:
    """The minimum after a poll that found something, then doubling, with jitter, up to the maximum.

    Args:
        maximum: the longest wait, seconds.
        minimum: the shortest wait and the first increment, seconds.
        jitter: gives a number between its two arguments.
    """

    def __init__(
        self,
        maximum: float,
        minimum: float = MINIMUM_POLLING_SECONDS,
        jitter: Callable[[float, float], float] = uniform,
    ) -> None:
        self._maximum = max(maximum, minimum)
        self._minimum = minimum
        self._jitter = jitter
        self._current = 0.0
        self._exponent = 0

    def next(self, *, succeeded: bool) -> float:
        """Seconds until the next poll; ``succeeded``: something was found since the last wait."""
        if succeeded:
            self._current, self._exponent = self._minimum, 1
        elif self._current != self._maximum:
            self._grow()
        return self._current

    def _grow(self) -> None:
        interval = self._minimum
        if self._exponent > 0:
            interval += self._jitter(1 - _JITTER, 1 + _JITTER) * 2 ** (self._exponent - 1) * self._minimum
        if interval < self._maximum:
            self._current = interval
            self._exponent += 1
        else:
            self._current = self._maximum


class RenewalDelays:
    """The normal interval after a renewal, half the previous one after a failure, at least the minimum."""

    def __init__(self, normal: float, minimum: float) -> None:
        self._normal = normal
        self._minimum = min(minimum, normal)
        self._current = normal

    def next(self, *, succeeded: bool) -> float:
        """Seconds until the next renewal."""
        self._current = self._normal if succeeded else max(self._current / 2, self._minimum)
        return self._current
