"""Finds jobs by several facts at once, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schema.records import Record
from schema.results import ErrorDetail
from schema.states import JobStatus


@dataclass(frozen=True)
class JobSearch:
    """What ``None`` stands for is not asked for. Times include both ends.

    Durations are in seconds from a job's start to its end or, while it runs, to now; with one of them a job
    that has not started is not found. ``before`` is the last job of the previous page.
    """

    limit: int
    statuses: Sequence[JobStatus] | None = None
    job_types: Sequence[str] | None = None
    created_from: datetime | None = None
    created_until: datetime | None = None
    min_seconds: int | None = None
    max_seconds: int | None = None
    before: tuple[datetime, str] | None = None


class SearchedJob(Record):
    job_id: str
    job_type: str
    status: JobStatus
    stage: int
    total_stages: int
    error: ErrorDetail | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime


class JobSearchRepository(Protocol):
    def search(self, wanted: JobSearch) -> Sequence[SearchedJob]:
        """Newest first: up to one more than ``limit``, which tells that there is another page.

        Raises ``DatabaseUnavailableError``, also where the answer takes too long.
        """
        ...
