"""The sweep in PostgreSQL: its repairs, each its own transaction, and their record."""

from collections.abc import Callable
from datetime import timedelta

from repositories.postgres import Database
from repositories.rows import jsonb
from repositories.statements import load_statements
from schema.records import SweepReport

_SQL = load_statements("orchestration.sql")


class PostgresSweepRepository:
    """Implements ``interfaces.repositories.SweepRepository``.

    ``unclaimed_after`` is how long a queued task or an active job may wait without a sign of life before
    its message is sent again.
    """

    def __init__(self, database: Database, unclaimed_after: timedelta = timedelta(minutes=5)) -> None:
        self._database = database
        self._unclaimed_after = unclaimed_after

    def sweep(self, limit: int) -> SweepReport:
        begun = self._database.fetch_one(_SQL["begin_sweep"])
        sweep_id = None if begun is None else begun["sweep_id"]
        repairs = {name: repair(limit) for name, repair in self._repairs().items()}
        self._database.execute(
            _SQL["end_sweep"], {"sweep_id": sweep_id, "repairs": jsonb({**repairs}), "error": None}
        )
        return SweepReport(repairs)

    def _repairs(self) -> dict[str, Callable[[int], int]]:
        """In the order in which one repair may make work for the next."""
        return {
            "expired_leases": lambda limit: self._repair("repair_expired_leases", limit),
            "unclosed_stages": lambda limit: self._repair("repair_unclosed_stages", limit),
            "unclaimed_tasks": lambda limit: self._repair("repair_unclaimed_tasks", limit),
            "stalled_jobs": lambda limit: self._repair("repair_stalled_jobs", limit),
        }

    def _repair(self, statement: str, limit: int) -> int:
        row = self._database.fetch_one(_SQL[statement], {"limit": limit, "age": self._unclaimed_after})
        return 0 if row is None else int(row["repairs"])
