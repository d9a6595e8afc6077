"""Messages nobody could use, in PostgreSQL."""

from dataclasses import asdict

from repositories.postgres import Database
from repositories.statements import load_statements
from schema.records import DeadLetter

_SQL = load_statements("orchestration.sql")


class PostgresDeadLetterRepository:
    """Implements ``interfaces.repositories.DeadLetterRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, letter: DeadLetter) -> None:
        self._database.execute(_SQL["record_dead_letter"], asdict(letter))
