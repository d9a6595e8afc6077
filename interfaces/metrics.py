"""Numbers about the whole system, for those who watch it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Count:
    """How many there are of a kind; ``labels`` say which."""

    labels: tuple[str, ...]
    number: int


@dataclass(frozen=True)
class Durations:
    """How long things of one type took, in seconds by quantile (0 to 1)."""

    kind: str
    quantiles: Mapping[float, float]


@dataclass(frozen=True)
class DatabaseMetrics:
    """What the database tells. Unfinished is counted as of now, ended and the like over the last hour.

    Tasks that ended and retries are looked for among the newest events only: the window says how many seconds
    of the hour these cover.
    """

    schema_version: int
    jobs: Sequence[Count]
    tasks: Sequence[Count]
    jobs_ended: Sequence[Count]
    job_durations: Sequence[Durations]
    tasks_ended: Sequence[Count]
    task_durations: Sequence[Durations]
    retries: Sequence[Count]
    events_window_seconds: float
    oldest_queued_task_seconds: float
    outbox_messages: int
    outbox_lag_seconds: float
    sweep_repairs: Sequence[Count]
    last_sweep_age_seconds: float | None
    dead_letters: Sequence[Count]


class MetricsRepository(Protocol):
    def read(self) -> DatabaseMetrics:
        """All of one moment, at a cost that does not grow with what is finished.

        Raises ``DatabaseUnavailableError``.
        """
        ...
