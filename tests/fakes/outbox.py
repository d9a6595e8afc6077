"""The outbox and the dead letters in memory."""

from collections.abc import Sequence
from dataclasses import replace

from schema.records import DeadLetter, OutboxRecord
from tests.fakes.database import CLAIM, FakeDatabase
from tests.fakes.rows import DeadLetterRow


class FakeOutboxRepository:
    """Implements ``interfaces.repositories.OutboxRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def claim(self, limit: int) -> Sequence[OutboxRecord]:
        with self._database.transaction() as tables:
            now = self._database.now
            due = [
                row
                for _, row in sorted(tables.outbox.items())
                if row.claimed_until is None or row.claimed_until < now
            ][:limit]
            for row in due:
                tables.outbox[row.outbox_id] = replace(row, claimed_until=now + CLAIM)
            return [self._database.outbox_record(row) for row in due]

    def delete(self, outbox_ids: Sequence[int]) -> None:
        with self._database.transaction() as tables:
            for outbox_id in outbox_ids:
                tables.outbox.pop(outbox_id, None)


class FakeDeadLetterRepository:
    """Implements ``interfaces.repositories.DeadLetterRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def record(self, letter: DeadLetter) -> None:
        with self._database.transaction() as tables:
            key, now = (letter.queue, letter.message_id), self._database.now
            known = tables.dead_letters.get(key)
            if known is None:
                tables.dead_letters[key] = DeadLetterRow(letter, now, now)
                return
            seen = replace(
                known.letter,
                dequeue_count=letter.dequeue_count,
                error_code=letter.error_code,
                error=letter.error,
            )
            tables.dead_letters[key] = DeadLetterRow(seen, known.first_seen_at, now)
