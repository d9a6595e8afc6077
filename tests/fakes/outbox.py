"""The outbox in memory."""

from collections.abc import Sequence
from dataclasses import replace

from schema.records import OutboxRecord
from tests.fakes.database import CLAIM, FakeDatabase


class FakeOutboxRepository:
    """Implements ``interfaces.repositories.OutboxRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def claim(self, limit: int) -> Sequence[OutboxRecord]:
        with self._database.transaction() as tables:
            now = self._database.now
            waiting = sorted(tables.outbox.values(), key=lambda row: (row.priority, row.outbox_id))
            due = [row for row in waiting if row.claimed_until is None or row.claimed_until < now][:limit]
            for row in due:
                tables.outbox[row.outbox_id] = replace(row, claimed_until=now + CLAIM)
            return [self._database.outbox_record(row) for row in due]

    def delete(self, outbox_ids: Sequence[int]) -> None:
        with self._database.transaction() as tables:
            for outbox_id in outbox_ids:
                tables.outbox.pop(outbox_id, None)
