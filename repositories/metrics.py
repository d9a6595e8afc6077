"""Numbers about the whole system from PostgreSQL, all in one snapshot."""

from collections.abc import Sequence
from typing import LiteralString

from interfaces.metrics import Count, DatabaseMetrics, Durations
from repositories.postgres import Connection, Database, Row
from repositories.reading import reading
from repositories.statements import load_statements

_SQL = load_statements("metrics.sql")

_SAMPLE = 50_000
_QUANTILES = (0.5, 0.95, 0.99)


class PostgresMetricsRepository:
    """Implements ``interfaces.metrics.MetricsRepository``."""

    def __init__(self, database: Database, sample: int = _SAMPLE) -> None:
        self._database = database
        self._given = {"sample": sample, "quantiles": list(_QUANTILES)}

    def read(self) -> DatabaseMetrics:
        with reading(self._database) as connection:
            jobs_ended = self._rows(connection, _SQL["jobs_ended"])
            tasks_ended = self._rows(connection, _SQL["tasks_ended"])
            outbox = self._rows(connection, _SQL["outbox"])[0]
            return DatabaseMetrics(
                schema_version=self._rows(connection, _SQL["schema_version"])[0]["version"],
                jobs=_counts(self._rows(connection, _SQL["jobs"]), "job_type", "status"),
                tasks=_counts(self._rows(connection, _SQL["tasks"]), "task_type", "status"),
                jobs_ended=_ended(jobs_ended),
                job_durations=_durations(jobs_ended),
                tasks_ended=_ended(tasks_ended),
                task_durations=_durations(tasks_ended),
                retries=_counts(self._rows(connection, _SQL["retries"]), "event"),
                events_window_seconds=self._rows(connection, _SQL["events_window"])[0]["seconds"],
                oldest_queued_task_seconds=self._first(connection, "oldest_queued_task", "seconds") or 0.0,
                outbox_messages=outbox["messages"],
                outbox_lag_seconds=outbox["lag_seconds"] or 0.0,
                sweep_repairs=_counts(self._rows(connection, _SQL["sweep_repairs"]), "kind"),
                last_sweep_age_seconds=self._first(connection, "last_sweep", "age_seconds"),
                dead_letters=_counts(self._rows(connection, _SQL["dead_letters"]), "verdict"),
            )

    def _rows(self, connection: Connection, statement: LiteralString) -> list[Row]:
        return connection.execute(statement, self._given).fetchall()

    def _first(self, connection: Connection, name: str, column: str) -> float | None:
        """A value of the first row, where there is one."""
        rows = self._rows(connection, _SQL[name])
        return rows[0][column] if rows else None


def _counts(rows: Sequence[Row], *labels: str) -> list[Count]:
    return [Count(tuple(str(row[label]) for label in labels), row["number"]) for row in rows]


def _ended(rows: Sequence[Row]) -> list[Count]:
    return _counts([row for row in rows if row["status"] is not None], "kind", "status")


def _durations(rows: Sequence[Row]) -> list[Durations]:
    """Of the types of which something was ever started."""
    return [
        Durations(row["kind"], dict(zip(_QUANTILES, row["seconds"], strict=True)))
        for row in rows
        if row["status"] is None and row["seconds"] is not None and None not in row["seconds"]
    ]
