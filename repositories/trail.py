"""The audit trail in PostgreSQL."""

from dataclasses import asdict

from interfaces.trail import EventFilter, Trail
from repositories.postgres import Database
from repositories.reading import reading
from repositories.statements import load_statements
from schema.trail import EventRecord

_SQL = load_statements("trail.sql")

_MOST_CHARACTERS = 4096


class PostgresTrailRepository:
    """Implements ``interfaces.trail.TrailRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def events(self, wanted: EventFilter) -> Trail | None:
        with reading(self._database) as connection:
            state = connection.execute(_SQL["state"], {"job_id": wanted.job_id}).fetchone()
            if state is None:
                return None
            rows = connection.execute(_SQL["events"], {**asdict(wanted), "most": _MOST_CHARACTERS})
            return Trail([EventRecord.model_validate(row) for row in rows], state["ended"])
