"""Calls through a circuit breaker that do not wait for each other."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar, cast

import pybreaker

T = TypeVar("T")


class HastyCircuit:
    """A circuit at which nobody waits: while it is open, or one call tries for all, others are refused."""

    def __init__(
        self, name: str, failures_to_open: int, open_seconds: float, exclude: Sequence[type[Exception]] = ()
    ) -> None:
        """Errors in ``exclude`` are no failures of the other side."""
        self._open_for = timedelta(seconds=open_seconds)
        self._storage = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=failures_to_open,
            reset_timeout=cast("int", open_seconds),
            exclude=list(exclude),
            state_storage=self._storage,
            name=name,
            throw_new_error_on_trip=False,
        )
        self._trial = threading.Lock()

    @property
    def refuses(self) -> bool:
        """Whether a call would be refused at this moment."""
        return not self._is_closed and (self._trial.locked() or self._is_at_rest)

    def call(self, call: Callable[[], T]) -> T:
        """Raises ``pybreaker.CircuitBreakerError`` where the call is refused, else what it raises."""
        if self._is_closed:
            return call_and_tell(self._breaker, call)
        if not self._trial.acquire(blocking=False):
            raise pybreaker.CircuitBreakerError("another call tries for all")
        try:
            if self._is_at_rest:
                raise pybreaker.CircuitBreakerError("the circuit is open")
            return call_and_tell(self._breaker, call)
        finally:
            self._trial.release()

    @property
    def _is_closed(self) -> bool:
        return self._storage.state == pybreaker.STATE_CLOSED

    @property
    def _is_at_rest(self) -> bool:
        """Open, and not for long enough to try again."""
        opened_at = self._storage.opened_at
        still = opened_at is not None and datetime.now(UTC) < opened_at + self._open_for
        return still and not self._is_closed


def call_through(breaker: pybreaker.CircuitBreaker, call: Callable[[], T]) -> T:
    """Raises ``pybreaker.CircuitBreakerError`` while the circuit is open, else what the call raises. When it
    has been open for long enough one call goes to try, and the others wait for what it finds."""
    plain: Any = breaker
    if plain.current_state == pybreaker.STATE_CLOSED:
        return call_and_tell(breaker, call)
    return plain.call(call)


def call_and_tell(breaker: pybreaker.CircuitBreaker, call: Callable[[], T]) -> T:
    """The breaker keeps its lock while it calls, so it is only told how the call ended: else one call would
    wait for the other."""
    plain: Any = breaker
    try:
        result = call()
    except Exception as exc:
        with suppress(pybreaker.CircuitBreakerError, type(exc)):
            plain.call(_raised, exc)
        raise
    with suppress(pybreaker.CircuitBreakerError):
        plain.call(_nothing)
    return result


def _raised(error: Exception) -> NoReturn:
    raise error


def _nothing() -> None:
    return
