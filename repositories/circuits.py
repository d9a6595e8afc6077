"""Calls through a circuit breaker that do not wait for each other."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

import pybreaker

T = TypeVar("T")


def call_through(breaker: pybreaker.CircuitBreaker, call: Callable[[], T]) -> T:
    """Raises ``pybreaker.CircuitBreakerError`` while the circuit is open, else what the call raises."""
    plain: Any = breaker
    if plain.current_state == pybreaker.STATE_CLOSED:
        return call_and_tell(breaker, call)
    return plain.call(call)


def call_and_tell(breaker: pybreaker.CircuitBreaker, call: Callable[[], T]) -> T:
    """The breaker keeps its lock while it calls, so it is only told how the call ended: else one call would
    wait for the other. While the circuit is not closed that is right: one goes to try, the others wait for
    what it finds."""
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
