"""Keeps the leases of running tasks alive from a thread of its own, and learns what became of them."""

import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from interfaces.clock import Clock
from interfaces.repositories import TaskRepository
from schema.errors import DatabaseUnavailableError
from schema.records import ClaimedTask, Heartbeat, LeaseState

_log = logging.getLogger(__name__)


@dataclass
class Lease:
    """A running task's claim. ``state`` is written by the keeper, ``progress`` (0 to 1) by the handler,
    ``timed_out`` by whoever watches its deadline."""

    task_id: str
    correlation_id: str
    token: UUID
    seconds: float
    expires: float
    next_beat: float
    state: LeaseState = LeaseState.HELD
    timed_out: bool = False
    progress: float | None = None


class LeaseKeeper:
    """One heartbeat each quarter of a lease, all that are due in one statement.

    The thread starts with the first lease and ends when there has been none for a while, so that an idle
    process has none. A lease that could not be extended before it ran out counts as lost.
    """

    def __init__(self, tasks: TaskRepository, clock: Clock, tick_seconds: float = 1.0) -> None:
        self._tasks = tasks
        self._clock = clock
        self._tick = tick_seconds
        self._lock = threading.Lock()
        self._leases: dict[UUID, Lease] = {}
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    @contextmanager
    def hold(self, task: ClaimedTask, correlation_id: str) -> Generator[Lease]:
        """Keep the task's lease alive while the block runs."""
        now = self._clock.monotonic()
        lease = Lease(
            task.task_id,
            correlation_id,
            task.lease_token,
            task.lease_seconds,
            expires=now + task.lease_seconds,
            next_beat=now + task.lease_seconds / 4,
        )
        try:
            with self._lock:
                self._leases[lease.token] = lease
                self._start_thread()
            yield lease
        finally:
            with self._lock:
                del self._leases[lease.token]

    def beat(self) -> None:
        """Send the heartbeats that are due."""
        now = self._clock.monotonic()
        with self._lock:
            due = [lease for lease in self._leases.values() if lease.next_beat <= now]
        if not due:
            return
        try:
            states = self._tasks.heartbeat(
                [Heartbeat(lease.task_id, lease.token, lease.progress) for lease in due]
            )
        except DatabaseUnavailableError:
            facts = {"leases": len(due), "correlation_ids": sorted({lease.correlation_id for lease in due})}
            _log.warning("heartbeat failed", extra=facts, exc_info=True)
            states = dict[UUID, LeaseState]()
        for lease in due:
            self._learn(lease, states.get(lease.token), now)

    def close(self) -> None:
        """End the thread; leases still held run out by themselves."""
        self._stopping.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10)

    def _learn(self, lease: Lease, state: LeaseState | None, now: float) -> None:
        if state is None:
            lease.next_beat = now + min(self._tick, lease.seconds / 4)
            if now >= lease.expires:
                lease.state = LeaseState.LOST
            return
        lease.state = state
        lease.next_beat = now + lease.seconds / 4
        lease.expires = now + lease.seconds
        if state is LeaseState.LOST:
            _log.warning(
                "lease lost", extra={"task_id": lease.task_id, "correlation_id": lease.correlation_id}
            )

    def _start_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        idle_ticks = 0
        while not self._stopping.wait(self._tick):
            try:
                self.beat()
            except Exception:  # noqa: BLE001 -- a keeper that died of one bad beat would lose every lease
                _log.exception("heartbeat broke")
            with self._lock:
                idle_ticks = 0 if self._leases else idle_ticks + 1
                if idle_ticks > 60:  # noqa: PLR2004 -- about a minute
                    self._thread = None
                    return
