"""Measures the whole system, whichever parts of it answer."""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from interfaces.clock import Clock
from interfaces.metrics import DatabaseMetrics, MetricsRepository
from interfaces.queues import QueueDepth, QueueRepository
from schema.errors import DatabaseUnavailableError, GeojobsError
from schema.queues import ALL_QUEUES

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SystemMetrics:
    """What answered: ``up`` says, by component, whether all of it did."""

    database: DatabaseMetrics | None
    queues: Sequence[QueueDepth]
    up: Mapping[str, bool]


class Measuring:
    """Reads the database and asks all queues at once; ``close`` ends its threads.

    One reading serves whoever asks within ``keep_seconds``, so that many who watch cost no more than one. A
    queue that does not answer in time is left out, and not asked again while the question is open.
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
        self._executor = ThreadPoolExecutor(len(ALL_QUEUES), thread_name_prefix="metrics")
        self._lock = threading.Lock()
        self._asked: dict[str, Future[QueueDepth]] = {}
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
        asked = [self._ask(queue) for queue in ALL_QUEUES]
        database = self._database()
        answered = [self._answer(future, deadline) for future in asked]
        queues = [depth for depth in answered if depth is not None]
        up = {"database": database is not None, "queues": len(queues) == len(ALL_QUEUES)}
        return SystemMetrics(database, queues, up)

    def _database(self) -> DatabaseMetrics | None:
        try:
            return self._repository.read()
        except DatabaseUnavailableError:
            _log.warning("metrics of the database were left out", exc_info=True)
            return None

    def _ask(self, queue: str) -> Future[QueueDepth]:
        asked = self._asked.get(queue)
        if asked is None or asked.done():
            asked = self._asked[queue] = self._executor.submit(self._queue.depth, queue)
        return asked

    def _answer(self, asked: Future[QueueDepth], deadline: float) -> QueueDepth | None:
        try:
            return asked.result(max(0.0, deadline - self._clock.monotonic()))
        except (GeojobsError, FutureTimeoutError):
            _log.warning("metrics of a queue were left out", exc_info=True)
            return None
