"""Removal of what is past its time, in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta

from repositories.postgres import Database
from repositories.statements import load_statements

_SQL = load_statements("retention.sql")


class PostgresRetentionRepository:
    """Implements ``interfaces.repositories.RetentionRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expired_jobs(self, age: timedelta, limit: int, max_tasks: int | None = None) -> Sequence[str]:
        given = {"age": age, "limit": limit, "max_tasks": max_tasks}
        rows = self._database.fetch_all(_SQL["expired_jobs"], given)
        return [row["job_id"] for row in rows]

    def count_expired(self, age: timedelta, limit: int) -> tuple[int, int]:
        row = self._database.fetch_one(_SQL["count_expired"], {"age": age, "limit": limit})
        return (0, 0) if row is None else (row["jobs"], row["events"])

    def remove_jobs(self, job_ids: Sequence[str]) -> tuple[int, int]:
        row = self._database.fetch_one(_SQL["remove_jobs"], {"job_ids": list(job_ids)})
        return (0, 0) if row is None else (row["jobs"], row["events"])

    def remove_records(self, age: timedelta, limit: int, *, dry_run: bool) -> tuple[int, int]:
        statement = _SQL["count_records" if dry_run else "remove_records"]
        row = self._database.fetch_one(statement, {"age": age, "limit": limit})
        return (0, 0) if row is None else (row["dead_letters"], row["sweeps"])
