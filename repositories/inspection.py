"""Reads the ``app`` schema for people who look into it, always within one short, read-only transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import LiteralString

from pydantic_core import to_jsonable_python

from interfaces.inspection import DatabaseLaw, DatabaseState, Found, JobFilter, JobTaskFilter, TaskFilter
from repositories.postgres import Connection, Database
from repositories.reading import reading
from repositories.statements import load_statements
from schema.api import JobListItem
from schema.json_types import JSONObject
from schema.states import TaskStatus

_SQL = load_statements("inspection.sql")
_STATISTICS = load_statements("statistics.sql")

_MOST_BYTES = 4096
_COUNT_CAP = 10_000
_SAMPLE = 50_000
_BEFORE_ALL = (0, 0, -1)
_WINDOWS = {"last_hour": "1 hour", "last_day": "1 day"}


class PostgresInspectionRepository:
    """Implements ``interfaces.inspection.InspectionRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def jobs(self, wanted: JobFilter) -> Sequence[JobListItem]:
        before_at, before_id = wanted.before or (None, None)
        with reading(self._database) as connection:
            rows = connection.execute(
                _SQL["jobs_page"], {**asdict(wanted), "before_at": before_at, "before_id": before_id}
            )
            return [JobListItem.model_validate(row) for row in rows]

    def job_rows(self, wanted: JobFilter) -> Found:
        with reading(self._database) as connection:
            rows = _rows(connection, _SQL["job_rows"], asdict(wanted))
            total, capped = _count(connection, "count_jobs", asdict(wanted))
            return Found(rows, total, capped)

    def job(self, job_id: str) -> JSONObject | None:
        with reading(self._database) as connection:
            found = _rows(connection, _SQL["job"], {"job_id": job_id})
            if not found:
                return None
            some: dict[str, object] = {"job_id": job_id, "limit": _COUNT_CAP}
            return {
                "job": found[0],
                "stages": [*_stages(connection, [job_id], _COUNT_CAP)],
                "callbacks": [*_rows(connection, _SQL["callbacks_of_job"], some)],
                "task_counts": [*_rows(connection, _SQL["task_counts"], {"job_id": job_id})],
            }

    def has_job(self, job_id: str) -> bool:
        with reading(self._database) as connection:
            return connection.execute(_SQL["has_job"], {"job_id": job_id}).fetchone() is not None

    def task_rows(self, wanted: TaskFilter) -> Found:
        with reading(self._database) as connection:
            rows = _newest_tasks(connection, wanted)
            total, capped = _count(connection, _ways_to(wanted)[1], asdict(wanted))
            return Found(rows, total, capped)

    def job_tasks(self, wanted: JobTaskFilter) -> Sequence[JSONObject]:
        run, stage, position = wanted.after or _BEFORE_ALL
        after = {"run": run, "after_stage": stage, "position": position}
        with reading(self._database) as connection:
            return _rows(connection, _SQL["tasks_of_job"], {**asdict(wanted), **after})

    def stats(self) -> JSONObject:
        # what sessions do is shown only to the role whose they are
        with reading(self._database, lowered=False) as connection:
            connections = _statistics(connection, "connections")[0]
        with reading(self._database) as connection:
            jobs = _statistics(connection, "jobs_by_type")
            tasks = _statistics(connection, "tasks_by_type")
            return {
                "counted_newest": _SAMPLE,
                "jobs_by_type_and_status": [*jobs],
                "tasks_by_type_and_status": [*tasks],
                "speed": {
                    name: {
                        "jobs": _statistics(connection, "job_speed", window)[0],
                        "tasks": _statistics(connection, "task_speed", window)[0],
                    }
                    for name, window in _WINDOWS.items()
                },
                "unfinished": _statistics(connection, "unfinished")[0],
                "tables": [*_statistics(connection, "tables")],
                "indexes": [*_statistics(connection, "indexes")],
                "connections": connections,
            }

    def law(self) -> DatabaseLaw:
        with reading(self._database) as connection:
            enums = {row["name"]: row["labels"] for row in connection.execute(_SQL["enums"])}
            moves = connection.execute(_SQL["transitions"])
            return DatabaseLaw(
                enums,
                frozenset(
                    (row["entity"], row["from_status"], row["event"], row["to_status"]) for row in moves
                ),
            )

    def everything(self, limit: int) -> JSONObject:
        only = {"limit": limit}
        with reading(self._database) as connection:
            jobs = _rows(connection, _SQL["job_rows"], asdict(JobFilter(limit)))
            return {
                "jobs": [*jobs],
                "stages": [*_stages(connection, [str(job["job_id"]) for job in jobs], limit)],
                "tasks": [*_newest_tasks(connection, TaskFilter(limit))],
                "outbox": [*_rows(connection, _SQL["outbox"], only)],
                "dead_letters": [*_rows(connection, _SQL["dead_letters"], only)],
                "events": [*_rows(connection, _SQL["events"], only)],
                "sweeps": [*_rows(connection, _SQL["sweeps"], only)],
            }

    def state(self) -> DatabaseState:
        with reading(self._database) as connection:
            server = connection.execute(_SQL["server"]).fetchone() or {}
            schema = connection.execute(_SQL["schema_state"]).fetchone() or {} if server["has_schema"] else {}
        return DatabaseState(
            server_version=server["server_version"],
            schema_version=schema.get("schema_version"),
            last_sweep=schema.get("last_sweep"),
            pool=self._database.pool_stats(),
            sweep_error=schema.get("sweep_error"),
            unfinished_since=schema.get("unfinished_since"),
        )


def _count(connection: Connection, name: str, wanted: Mapping[str, object]) -> tuple[int, bool]:
    """How many there are, and whether counting stopped at so many."""
    counted = connection.execute(_SQL[name], {**wanted, "cap": _COUNT_CAP}).fetchone() or {"found": 0}
    return min(counted["found"], _COUNT_CAP), counted["found"] > _COUNT_CAP


def _ways_to(wanted: TaskFilter) -> tuple[str, str]:
    """Which statements find and count these tasks: by their status, unless most of all tasks have it."""
    if wanted.status in (None, TaskStatus.COMPLETED):
        return "tasks_by_stage", "count_tasks_by_stage"
    return "tasks_by_status", "count_tasks_by_status"


def _newest_tasks(connection: Connection, wanted: TaskFilter) -> list[JSONObject]:
    found = connection.execute(_SQL[_ways_to(wanted)[0]], asdict(wanted))
    return _rows(connection, _SQL["task_rows"], {"task_ids": [row["task_id"] for row in found]})


def _stages(connection: Connection, job_ids: Sequence[str], limit: int) -> list[JSONObject]:
    return _rows(connection, _SQL["stages_of_jobs"], {"job_ids": list(job_ids), "limit": limit})


def _statistics(connection: Connection, name: str, window: str | None = None) -> list[JSONObject]:
    return _rows(connection, _STATISTICS[name], {"sample": _SAMPLE, "window": window})


def _rows(connection: Connection, statement: LiteralString, wanted: Mapping[str, object]) -> list[JSONObject]:
    rows = connection.execute(statement, {**wanted, "most": _MOST_BYTES})
    return [to_jsonable_python(row) for row in rows]
