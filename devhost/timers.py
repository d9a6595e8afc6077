"""Timer triggers: each function by its schedule, one run at a time, a missed one made up for at start."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from datetime import UTC, datetime
from time import monotonic

from azure.functions.timer import TimerRequest

from devhost.functions import TimerFunction
from devhost.invocations import Invocations
from devhost.schedule import Schedule, TimerRecords, TimerStatus

_log = logging.getLogger(__name__)

# a longer wait would outlast a change of the clock
_LONGEST_WAIT_SECONDS = 60.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TimerListener:
    """Runs one function by its schedule."""

    def __init__(
        self,
        function: TimerFunction,
        invocations: Invocations,
        records: TimerRecords,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._function = function
        self._name = function.code.name
        self._schedule = Schedule(function.schedule)
        self._invocations = invocations
        self._records = records if function.use_monitor and self._schedule.is_monitored(now()) else None
        self._now = now
        self._stopping = threading.Event()
        self._running: Future[object] | None = None
        self._thread = threading.Thread(target=self._run, name=f"timer {self._name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start no further run, and drop one that waits for a thread."""
        self._stopping.set()
        running = self._running
        if running is not None:
            running.cancel()

    def join(self, deadline: float) -> bool:
        """Wait, until the ``monotonic`` deadline, for a run under way; whether it ended."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, deadline - monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        status = self._at_start()
        while self._wait_until(status.next):
            status = self._invoke(status)

    def _at_start(self) -> TimerStatus:
        kept = self._records.load(self._name, self._schedule) if self._records else None
        status = kept or TimerStatus.initial(self._schedule, self._now())
        if kept is not None and kept.next < self._now():
            _log.info("timer is past due", extra={"function": self._name, "due": kept.next.isoformat()})
            return self._invoke(status, past_due=True)
        if self._function.run_on_startup:
            return self._invoke(status, scheduled=False)
        if kept is None:
            self._keep(status)
        return status

    def _wait_until(self, moment: datetime) -> bool:
        """Whether the moment came; otherwise the host stops."""
        while (seconds := (moment - self._now()).total_seconds()) > 0:
            if self._stopping.wait(min(seconds, _LONGEST_WAIT_SECONDS)):
                return False
        return not self._stopping.is_set()

    def _invoke(self, status: TimerStatus, *, past_due: bool = False, scheduled: bool = True) -> TimerStatus:
        started = self._now()
        request = TimerRequest(
            past_due=past_due,
            schedule_status=status.for_function() if self._records else None,
            schedule={"AdjustForDST": True},
        )
        self._running = self._invocations.submit(self._function.code, request)
        if self._stopping.is_set():
            self._running.cancel()
        try:
            self._running.exception()
        except CancelledError:
            return status
        after = status.after_run(self._schedule, started, scheduled=scheduled and not past_due)
        self._keep(after)
        return after

    def _keep(self, status: TimerStatus) -> None:
        if self._records:
            self._records.save(self._name, self._schedule, status)
