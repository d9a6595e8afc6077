"""The outbox in PostgreSQL."""

from collections.abc import Sequence

from repositories.postgres import Database
from repositories.rows import outbox_records
from repositories.statements import load_statements
from schema.records import OutboxRecord

_SQL = load_statements("orchestration.sql")


class PostgresOutboxRepository:
    """Implements ``interfaces.repositories.OutboxRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, limit: int) -> Sequence[OutboxRecord]:
        rows = self._database.fetch_all(_SQL["claim_outbox"], {"limit": limit})
        return outbox_records([row["message"] for row in rows])

    def delete(self, outbox_ids: Sequence[int]) -> None:
        self._database.execute(_SQL["delete_outbox"], {"outbox_ids": list(outbox_ids)})
