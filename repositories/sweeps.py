"""The sweep in PostgreSQL: its repairs, each its own transaction, and their record."""

import logging
from datetime import timedelta

from repositories.postgres import Database
from repositories.rows import jsonb
from repositories.statements import load_statements
from schema.records import SweepReport

_log = logging.getLogger(__name__)

_SQL = load_statements("orchestration.sql")

# In the order in which one repair may make work for the next.
REPAIRS = (
    "repair_expired_leases",
    "repair_deadlines",
    "repair_ended_runs",
    "repair_held_back",
    "repair_unclosed_stages",
    "repair_unclaimed_tasks",
    "repair_stalled_jobs",
)


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
        repairs: dict[str, int] = {}
        errors: dict[str, str] = {}
        for statement in REPAIRS:
            name = statement.removeprefix("repair_")
            try:
                repairs[name] = self._repair(statement, limit)
            except Exception as exc:  # noqa: BLE001 -- one repair that fails must not keep the others from running
                _log.exception("repair failed", extra={"repair": name})
                errors[name] = type(exc).__name__
        self._database.execute(
            _SQL["end_sweep"],
            {
                "sweep_id": None if begun is None else begun["sweep_id"],
                "repairs": jsonb({**repairs}),
                "error": ", ".join(f"{name}: {error}" for name, error in errors.items()) or None,
            },
        )
        return SweepReport(repairs, errors)

    def _repair(self, statement: str, limit: int) -> int:
        row = self._database.fetch_one(_SQL[statement], {"limit": limit, "age": self._unclaimed_after})
        return 0 if row is None else int(row["repairs"])
