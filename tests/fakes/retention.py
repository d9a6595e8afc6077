"""Removal of what is past its time in memory, as the statements of ``retention.sql`` do it."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import accumulate

from tests.fakes.database import FakeDatabase, Tables
from tests.fakes.rows import Event


class FakeRetentionRepository:
    """Implements ``interfaces.repositories.RetentionRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def expired_jobs(self, age: timedelta, limit: int, max_tasks: int | None = None) -> Sequence[str]:
        with self._database.transaction() as tables:
            jobs = self._expired(age, limit)
            if max_tasks is None:
                return jobs
            tasks = accumulate(
                sum(stage.expected for key, stage in tables.stages.items() if key[0] == job) for job in jobs
            )
            return [
                job
                for place, (job, so_far) in enumerate(zip(jobs, tasks, strict=True))
                if so_far <= max_tasks or place == 0
            ]

    def count_expired(self, age: timedelta, limit: int) -> tuple[int, int]:
        with self._database.transaction() as tables:
            jobs = set(self._expired(age, limit))
            return len(jobs), sum(_job_of(tables, event) in jobs for event in tables.events)

    def remove_jobs(self, job_ids: Sequence[str]) -> tuple[int, int]:
        with self._database.transaction() as tables:
            gone = {job_id for job_id in job_ids if job_id in tables.jobs and not tables.jobs[job_id].active}
            kept = [event for event in tables.events if _job_of(tables, event) not in gone]
            events = len(tables.events) - len(kept)
            tables.events = kept
            tables.jobs = {key: row for key, row in tables.jobs.items() if key not in gone}
            tables.stages = {key: row for key, row in tables.stages.items() if key[0] not in gone}
            tables.tasks = {key: row for key, row in tables.tasks.items() if row.job_id not in gone}
            tables.outbox = {key: row for key, row in tables.outbox.items() if row.job_id not in gone}
            tables.callbacks = {key: row for key, row in tables.callbacks.items() if row.job_id not in gone}
            tables.dead_letters = {
                key: row for key, row in tables.dead_letters.items() if row.letter.job_id not in gone
            }
            return len(gone), events

    def remove_records(self, age: timedelta, limit: int, *, dry_run: bool) -> tuple[int, int]:
        with self._database.transaction() as tables:
            since = self._database.now - age
            letters = [key for key, row in tables.dead_letters.items() if row.last_seen_at < since]
            sweeps = [row for row in tables.sweeps if row.started_at < since]
            if dry_run:
                return len(letters), len(sweeps)
            letters, sweeps = letters[:limit], sweeps[:limit]
            for key in letters:
                del tables.dead_letters[key]
            gone = {id(row) for row in sweeps}
            tables.sweeps = [row for row in tables.sweeps if id(row) not in gone]
            return len(letters), len(sweeps)

    def _expired(self, age: timedelta, limit: int) -> list[str]:
        since = self._database.now - age
        ended = [
            (row.finished_at, row.job_id)
            for row in self._database.tables.jobs.values()
            if row.finished_at is not None and row.finished_at < since and not row.active
        ]
        return [job_id for _, job_id in sorted(ended)[:limit]]


def _job_of(tables: Tables, event: Event) -> str:
    if event.entity == "task":
        return tables.tasks[event.subject].job_id
    return event.subject.partition(":")[0]
