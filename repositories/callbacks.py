"""Callbacks in PostgreSQL."""

from collections.abc import Sequence
from datetime import timedelta

from repositories.postgres import Database
from repositories.statements import load_statements
from schema.callbacks import CallbackBacklog, CallbackRecord

_SQL = load_statements("callbacks.sql")


class PostgresCallbackRepository:
    """Implements ``interfaces.callbacks.CallbackRepository``. A claim is known by the moment it runs out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, limit: int) -> Sequence[CallbackRecord]:
        rows = self._database.fetch_all(_SQL["claim_callbacks"], {"limit": limit})
        return [CallbackRecord.model_validate(row["callback"]) for row in rows]

    def delivered(self, callback: CallbackRecord) -> None:
        self._database.execute(_SQL["delivered"], _claim(callback))

    def not_delivered(self, callback: CallbackRecord, error: str, delay: timedelta | None) -> None:
        self._database.execute(_SQL["not_delivered"], {**_claim(callback), "error": error, "delay": delay})

    def postponed(self, callback: CallbackRecord, reason: str, delay: timedelta | None) -> None:
        self._database.execute(_SQL["postponed"], {**_claim(callback), "error": reason, "delay": delay})

    def backlog(self) -> CallbackBacklog:
        row = self._database.fetch_one(_SQL["backlog"]) or {"due": 0, "due_since": None, "failed": 0}
        return CallbackBacklog(row["due"], row["due_since"], row["failed"])


def _claim(callback: CallbackRecord) -> dict[str, object]:
    return {"callback_id": callback.callback_id, "claimed_until": callback.claimed_until}
