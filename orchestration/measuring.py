"""Measures the whole system, whichever parts of it answer."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from interfaces.clock import Clock
from interfaces.metrics import DatabaseMetrics, MetricsRepository
from interfaces.queues import QueueDepth, QueueRepository
from schema.errors import GeojobsError
from schema.queues import ALL_QUEUES

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class SystemMetrics:
    """What answered: ``up`` says, by component, whether all of it did."""

    database: DatabaseMetrics | None
    queues: Sequence[QueueDepth]
    up: Mapping[str, bool]


class Measuring:
    """Asks the database and all queues at once, in threads of its own; ``close`` ends them.

    One reading serves whoever asks within ``keep_seconds``, so that many who watch cost no more than one.
    What does not answer within ``timeout_seconds`` is left out, and not asked again while that is open.
    """

    def __init__(
        self,
        repository: MetricsRepository,
        queue: QueueRepository,
        clock: Clock,
        *,
        timeout_seconds: float = 4.0,
        keep_seconds: float = 3.0,
    ) -> None:
        self._repository = repository
        self._queue = queue
        self._clock = clock
        self._timeout = timeout_seconds
        self._keep = keep_seconds
        self._executor = ThreadPoolExecutor(1 + len(ALL_QUEUES), thread_name_prefix="metrics")
        self._lock = threading.Lock()
        self._database = _Questions[DatabaseMetrics](self._executor)
        self._queues = _Questions[QueueDepth](self._executor)
        self._kept: tuple[float, SystemMetrics] | None = None

    def __call__(self) -> SystemMetrics:
        with self._lock:
            if self._kept is None or self._clock.monotonic() - self._kept[0] >= self._keep:
                measured = self._measure()
                self._kept = (self._clock.monotonic(), measured)
            return self._kept[1]

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _measure(self) -> SystemMetrics:
        deadline = self._clock.monotonic() + self._timeout
        asked = self._database.ask("database", self._repository.read)
        asked_queues = {name: self._queues.ask(name, partial(self._queue.depth, name)) for name in ALL_QUEUES}
        database = self._answer("database", asked, deadline)
        answers = [self._answer(name, future, deadline) for name, future in asked_queues.items()]
        queues = [depth for depth in answers if depth is not None]
        up = {"database": database is not None, "queues": len(queues) == len(ALL_QUEUES)}
        return SystemMetrics(database, queues, up)

    def _answer(self, name: str, asked: Future[T], deadline: float) -> T | None:
        try:
            return asked.result(max(0.0, deadline - self._clock.monotonic()))
        except (GeojobsError, FutureTimeoutError):
            _log.warning("metrics were left out", extra={"component": name}, exc_info=True)
            return None


class _Questions(Generic[T]):
    """Questions by name, each of them open once at most."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._asked: dict[str, Future[T]] = {}

    def ask(self, name: str, question: Callable[[], T]) -> Future[T]:
        asked = self._asked.get(name)
        if asked is None or asked.done():
            asked = self._asked[name] = self._executor.submit(question)
        return asked
