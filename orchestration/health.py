"""Asks every part of the system at once how it is, and waits for none of them longer than a few seconds."""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

from interfaces.clock import Clock
from schema.api import ComponentHealth, Health, HealthState
from schema.errors import GeojobsError
from schema.json_types import JSONObject, JSONValue

_log = logging.getLogger(__name__)

_SEVERITY = list(HealthState)


@dataclass(frozen=True)
class Finding:
    """What a check found out; ``message`` says what is wrong."""

    state: HealthState = HealthState.HEALTHY
    message: str | None = None
    details: JSONObject = field(default_factory=dict[str, JSONValue])


Check = Callable[[], Finding]


class HealthChecks:
    """Runs all checks at once in threads of its own; ``close`` ends them.

    A check that has not come back in time is reported as unhealthy and left running: the next caller waits
    for that same run, so that a server which hangs holds one thread, however often health is asked for.
    """

    def __init__(self, checks: Mapping[str, Check], clock: Clock, timeout_seconds: float = 4.0) -> None:
        self._checks = dict(checks)
        self._clock = clock
        self._timeout = timeout_seconds
        self._executor = ThreadPoolExecutor(max(1, len(self._checks)), thread_name_prefix="health")
        self._lock = threading.Lock()
        self._running: dict[str, Future[ComponentHealth]] = {}

    def __call__(self) -> Health:
        deadline = self._clock.monotonic() + self._timeout
        started = {name: self._start(name) for name in self._checks}
        components = {name: self._awaited(name, future, deadline) for name, future in started.items()}
        return Health(
            status=max((component.state for component in components.values()), key=_SEVERITY.index),
            checked_at=self._clock.now(),
            components=components,
        )

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _start(self, name: str) -> Future[ComponentHealth]:
        with self._lock:
            running = self._running.get(name)
            if running is None or running.done():
                running = self._running[name] = self._executor.submit(self._run, name)
            return running

    def _run(self, name: str) -> ComponentHealth:
        begun = self._clock.monotonic()
        try:
            finding = self._checks[name]()
        except GeojobsError as exc:
            _log.warning("health check failed", extra={"component": name}, exc_info=True)
            finding = Finding(HealthState.UNHEALTHY, str(exc))
        except Exception:  # noqa: BLE001 -- the boundary of a check: one that breaks must not hide the others
            _log.exception("health check failed unexpectedly", extra={"component": name})
            finding = Finding(HealthState.UNHEALTHY, "the check itself failed; the log says why")
        return ComponentHealth(
            state=finding.state,
            latency_ms=_milliseconds(self._clock.monotonic() - begun),
            message=finding.message,
            details=finding.details,
        )

    def _awaited(self, name: str, future: Future[ComponentHealth], deadline: float) -> ComponentHealth:
        try:
            return future.result(max(0.0, deadline - self._clock.monotonic()))
        except FutureTimeoutError:
            _log.warning("health check timed out", extra={"component": name})
            return ComponentHealth(
                state=HealthState.UNHEALTHY,
                latency_ms=_milliseconds(self._timeout),
                message=f"no answer within {self._timeout:g} s",
                details={},
            )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
