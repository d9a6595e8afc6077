"""Messages nobody could use, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict

from repositories.postgres import Database
from repositories.reading import reading
from repositories.statements import load_statements
from schema.records import DeadLetter, DeadLetterRecord, Verdict

_SQL = load_statements("dead_letters.sql")


class PostgresDeadLetterRepository:
    """Implements ``interfaces.repositories.DeadLetterRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, letter: DeadLetter) -> None:
        self._database.execute(_SQL["record_dead_letter"], asdict(letter))

    def judge(self, letter: DeadLetter, verdict: Verdict) -> None:
        self._database.execute(_SQL["judge_dead_letter"], {**asdict(letter), "verdict": verdict.value})

    def list(self, limit: int, before: int | None = None) -> Sequence[DeadLetterRecord]:
        with reading(self._database) as connection:
            rows = connection.execute(_SQL["list_dead_letters"], {"limit": limit, "before": before})
            return [DeadLetterRecord.model_validate(row) for row in rows]

    def get(self, dead_letter_id: int) -> DeadLetterRecord | None:
        row = self._database.fetch_one(_SQL["get_dead_letter"], {"dead_letter_id": dead_letter_id})
        return None if row is None else DeadLetterRecord.model_validate(row)

    def mark_replayed(self, dead_letter_id: int) -> None:
        self._database.execute(_SQL["mark_replayed"], {"dead_letter_id": dead_letter_id})

    def mark_disposed(self, dead_letter_id: int) -> None:
        self._database.execute(_SQL["mark_disposed"], {"dead_letter_id": dead_letter_id})
