"""Read-only questions about the database, for people who look into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schema.api import FunctionCheck, JobListItem
from schema.json_types import JSONObject


@dataclass(frozen=True)
class JobFilter:
    """``before`` is the ``(created_at, job_id)`` of the last job of the previous page."""

    limit: int
    status: str | None = None
    job_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None


@dataclass(frozen=True)
class TaskFilter:
    """Tasks of all jobs."""

    limit: int
    status: str | None = None
    stage: int | None = None
    task_type: str | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class JobTaskFilter:
    """Tasks of one job; ``after`` is the ``(run, stage, position)`` of the last task of the previous page."""

    job_id: str
    limit: int
    status: str | None = None
    stage: int | None = None
    after: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Found:
    """Rows, and how many there are in all; ``capped`` where counting stopped at ``total``."""

    rows: Sequence[JSONObject]
    total: int
    capped: bool


@dataclass(frozen=True)
class DatabaseState:
    """``schema_version`` is ``None`` without a schema, ``last_sweep`` where none has finished yet.

    ``sweep_error`` is that of the last finished sweep; ``unfinished_since`` when the first one after it began
    that has not finished.
    """

    server_version: str
    schema_version: int | None
    last_sweep: datetime | None
    pool: Mapping[str, int]
    sweep_error: str | None = None
    unfinished_since: datetime | None = None


@dataclass(frozen=True)
class DatabaseLaw:
    """The database's enums by name, and its table of transitions: (entity, from, event, to)."""

    enums: Mapping[str, Sequence[str]]
    transitions: frozenset[tuple[str, str, str, str]]


class InspectionRepository(Protocol):
    """Raises ``DatabaseUnavailableError``. Every answer is bounded by a limit and a time-out, and none shows
    a lease token: it would let its reader write in a worker's name.

    Rows of lists leave out a JSON value of more than 4 KB: the value is null and ``truncated`` has its size.
    """

    def jobs(self, wanted: JobFilter) -> Sequence[JobListItem]:
        """Newest first."""
        ...

    def job_rows(self, wanted: JobFilter) -> Found:
        """Newest first."""
        ...

    def job(self, job_id: str) -> JSONObject | None:
        """The whole row with its stages and callbacks, and counts of its tasks by run, stage and status."""
        ...

    def has_job(self, job_id: str) -> bool: ...

    def task_rows(self, wanted: TaskFilter) -> Found:
        """Newest first."""
        ...

    def job_tasks(self, wanted: JobTaskFilter) -> Sequence[JSONObject]:
        """In the order of run, stage and position."""
        ...

    def stats(self) -> JSONObject: ...

    def law(self) -> DatabaseLaw: ...

    def everything(self, limit: int) -> JSONObject:
        """Up to ``limit`` rows of each table, in one snapshot."""
        ...

    def state(self) -> DatabaseState: ...


class FunctionInspector(Protocol):
    def check(self) -> Sequence[FunctionCheck]:
        """Each of the app's own SQL functions: there, as its file declares it, and in working order."""
        ...
