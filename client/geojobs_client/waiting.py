"""Waits for a job's end, as often as the server asks for and ever less often."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from geojobs_client.clock import Clock, Deadline
from geojobs_client.errors import NoAnswerError, ServiceUnavailableError, WaitTimedOutError
from geojobs_client.models import Job

_FIRST_SECONDS = 0.5
_LONGEST_SECONDS = 5.0
_GROWTH = 1.5
_LONGEST_ASKED = 60.0

OnUpdate: TypeAlias = Callable[[Job], None]


class Pace:
    """Delays that grow from half a second to five; ``reset`` when something has happened."""

    def __init__(self) -> None:
        self._next = _FIRST_SECONDS

    def next(self, asked: float | None = None) -> float:
        """Seconds until the next look; not less than the server asked for, within reason."""
        delay = max(self._next, min(asked or 0.0, _LONGEST_ASKED))
        self._next = min(self._next * _GROWTH, _LONGEST_SECONDS)
        return delay

    def reset(self) -> None:
        self._next = _FIRST_SECONDS


@dataclass(frozen=True)
class Seen:
    """The job as it was, and after how many seconds the server wants to be asked again."""

    job: Job
    retry_after: float | None


def wait_for_end(
    job_id: str,
    look: Callable[[Deadline], Seen],
    clock: Clock,
    timeout: float | None,
    on_update: OnUpdate | None = None,
) -> Job:
    """Look until the job is final. Raises ``WaitTimedOutError``, and whatever ``look`` raises in time."""
    deadline = Deadline.after(clock, timeout)
    pace = Pace()
    last: Job | None = None
    while True:
        try:
            seen = look(deadline)
        except (NoAnswerError, ServiceUnavailableError) as exc:
            if timeout is None or deadline.remaining() > 0:
                raise
            raise WaitTimedOutError(job_id, timeout, last) from exc
        if on_update is not None:
            on_update(seen.job)
        if seen.job.is_final:
            return seen.job
        if last is not None and seen.job.updated_at != last.updated_at:
            pace.reset()
        last = seen.job
        remaining = deadline.remaining()
        if timeout is not None and remaining <= 0:
            raise WaitTimedOutError(job_id, timeout, last)
        clock.sleep(min(pace.next(seen.retry_after), remaining))
