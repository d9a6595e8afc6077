"""Removes what is past its time: ended jobs with all that belongs to them, dead letters, sweeps."""

import logging
from datetime import timedelta

from interfaces.payloads import PayloadStore
from interfaces.repositories import RetentionRepository
from schema.records import CleanupReport

_log = logging.getLogger(__name__)

_BATCH = 100
_BATCH_TASKS = 20_000
_MAX_RECORDS = 10_000


class Retention:
    """Works in small batches, blobs before rows: what dies in between is done again by the next pass.

    ``age`` is how long ended jobs and records are kept.
    """

    def __init__(
        self, repository: RetentionRepository, payloads: PayloadStore, age: timedelta, max_jobs: int = 5_000
    ) -> None:
        self._repository = repository
        self._payloads = payloads
        self._age = age
        self._max_jobs = max_jobs

    def preview(self) -> CleanupReport:
        """What one pass would remove now."""
        expired = self._repository.expired_jobs(self._age, self._max_jobs + 1)
        jobs, events = self._repository.count_expired(self._age, self._max_jobs)
        letters, sweeps = self._repository.remove_records(self._age, _MAX_RECORDS, dry_run=True)
        payloads = sum(self._payloads.count(job_id) for job_id in expired[: self._max_jobs])
        more = len(expired) > self._max_jobs
        return CleanupReport(jobs, events, letters, sweeps, payloads, dry_run=True, more=more)

    def __call__(self) -> CleanupReport:
        """Remove what is past its time, up to ``max_jobs`` jobs; ``more`` says that some is left."""
        jobs = events = payloads = 0
        more = False
        while batch := self._repository.expired_jobs(self._age, _BATCH, _BATCH_TASKS):
            if jobs >= self._max_jobs:
                more = True
                break
            batch = batch[: self._max_jobs - jobs]
            payloads += sum(self._payloads.remove(job_id) for job_id in batch)
            removed, of_those = self._repository.remove_jobs(batch)
            jobs, events = jobs + removed, events + of_those
            if removed == 0:
                break
        letters, sweeps = self._repository.remove_records(self._age, _MAX_RECORDS, dry_run=False)
        report = CleanupReport(jobs, events, letters, sweeps, payloads, dry_run=False, more=more)
        _log.info("cleaned up", extra={"jobs": jobs, "events": events, "payloads": payloads})
        return report
