"""Finds jobs in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict

from interfaces.job_search import JobSearch, SearchedJob
from repositories.postgres import Database
from repositories.reading import reading
from repositories.statements import load_statements

_SQL = load_statements("job_search.sql")


class PostgresJobSearchRepository:
    """Implements ``interfaces.job_search.JobSearchRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(self, wanted: JobSearch) -> Sequence[SearchedJob]:
        before_at, before_id = wanted.before or (None, None)
        given = {
            **asdict(wanted),
            "statuses": None if wanted.statuses is None else [status.value for status in wanted.statuses],
            "job_types": None if wanted.job_types is None else list(wanted.job_types),
            "before_at": before_at,
            "before_id": before_id,
        }
        with reading(self._database) as connection:
            return [SearchedJob.model_validate(row) for row in connection.execute(_SQL["search"], given)]
