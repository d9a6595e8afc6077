"""Dead letters in memory, as the statements of ``dead_letters.sql`` keep them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from schema.records import DeadLetter, DeadLetterRecord, Verdict
from tests.fakes.database import FakeDatabase
from tests.fakes.rows import DeadLetterRow


class FakeDeadLetterRepository:
    """Implements ``interfaces.repositories.DeadLetterRepository``."""

    def __init__(self, database: FakeDatabase) -> None:
        self._database = database

    def record(self, letter: DeadLetter) -> None:
        with self._database.transaction() as tables:
            known = tables.dead_letters.get((letter.queue, letter.message_id))
            if known is None:
                self._put(self._new(letter))
                return
            seen = replace(
                known.letter,
                dequeue_count=letter.dequeue_count,
                error_code=letter.error_code,
                error=letter.error,
            )
            self._put(replace(known, letter=seen, last_seen_at=self._database.now))

    def judge(self, letter: DeadLetter, verdict: Verdict) -> None:
        with self._database.transaction() as tables:
            now = self._database.now
            judged = {"judged_at": now, "last_seen_at": now}
            waiting = [row for row in tables.dead_letters.values() if _is_copy_of(letter, row)]
            present = tables.dead_letters.get((letter.queue, letter.message_id))
            if waiting:
                newest = max(waiting, key=lambda row: row.dead_letter_id)
                seen = replace(
                    newest.letter, dequeue_count=max(newest.letter.dequeue_count, letter.dequeue_count)
                )
                self._put(replace(newest, letter=seen, verdict=verdict, **judged))
            elif present is not None:
                self._put(replace(present, **judged))
            else:
                self._put(replace(self._new(letter), verdict=verdict, **judged))

    def list(self, limit: int, before: int | None = None) -> Sequence[DeadLetterRecord]:
        with self._database.transaction() as tables:
            rows = sorted(tables.dead_letters.values(), key=lambda row: -row.dead_letter_id)
            shown = [row for row in rows if before is None or row.dead_letter_id < before]
            return [dead_letter_record(row) for row in shown[:limit]]

    def get(self, dead_letter_id: int) -> DeadLetterRecord | None:
        with self._database.transaction():
            row = self._find(dead_letter_id)
            return None if row is None else dead_letter_record(row)

    def mark_replayed(self, dead_letter_id: int) -> None:
        self._mark(dead_letter_id, "replayed_at")

    def mark_disposed(self, dead_letter_id: int) -> None:
        self._mark(dead_letter_id, "disposed_at")

    def _mark(self, dead_letter_id: int, column: str) -> None:
        with self._database.transaction():
            row = self._find(dead_letter_id)
            if row is not None:
                changes: dict[str, Any] = {column: self._database.now}
                self._put(replace(row, **changes))

    def _find(self, dead_letter_id: int) -> DeadLetterRow | None:
        rows = self._database.tables.dead_letters.values()
        return next((row for row in rows if row.dead_letter_id == dead_letter_id), None)

    def _new(self, letter: DeadLetter) -> DeadLetterRow:
        now = self._database.now
        return DeadLetterRow(self._database.next_dead_letter_id(), letter, now, now)

    def _put(self, row: DeadLetterRow) -> None:
        self._database.tables.dead_letters[row.letter.queue, row.letter.message_id] = row


def dead_letter_record(row: DeadLetterRow) -> DeadLetterRecord:
    return DeadLetterRecord.model_validate({**vars(row.letter), **vars(row)})


def _is_copy_of(letter: DeadLetter, row: DeadLetterRow) -> bool:
    return (row.letter.queue, row.letter.digest, row.verdict) == (letter.queue, letter.digest, None)
