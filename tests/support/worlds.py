"""The two worlds that protocol tests run in: the fakes, and a real PostgreSQL.

A test never sleeps: ``pass_time`` moves the fake's clock, and moves the real rows' times into the past.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple, Protocol

from psycopg import sql

from repositories.callbacks import PostgresCallbackRepository
from repositories.dead_letters import PostgresDeadLetterRepository
from repositories.jobs import PostgresJobRepository
from repositories.outbox import PostgresOutboxRepository
from repositories.postgres import Database
from repositories.retention import PostgresRetentionRepository
from repositories.stages import StageCompletionRepository
from repositories.sweeps import PostgresSweepRepository
from repositories.tasks import PostgresTaskRepository
from tests.fakes.clock import FakeClock
from tests.fakes.database import FakeDatabase, stage_subject
from tests.fakes.faults import Faults
from tests.fakes.rows import Event
from tests.fakes.sweeps import FakeSweepRepository
from tests.support.system import Repositories, fake_repositories

_MOMENTS = {
    "jobs": ("created_at", "started_at", "finished_at", "updated_at", "nudged_at", "deadline"),
    "stages": ("opened_at", "resumed_at", "closing_at", "closed_at", "deadline", "nudged_at"),
    "tasks": ("not_before", "nudged_at", "lease_expires_at", "heartbeat_at", "started_at", "finished_at"),
    "outbox": ("created_at", "available_at", "claimed_until"),
    "dead_letters": ("first_seen_at", "last_seen_at", "judged_at"),
    "sweeps": ("started_at", "finished_at"),
    "callbacks": ("happened_at", "due_since", "not_before", "claimed_until", "delivered_at", "failed_at"),
}


class Waiting(NamedTuple):
    """An outbox row as a test sees it; ``claimed``: somebody said that it will send it."""

    kind: str
    stage: int
    task_id: str | None
    attempt: int | None
    claimed: bool


class Snapshot(NamedTuple):
    """All rows; each has its columns as attributes."""

    jobs: Sequence[Any]
    stages: Sequence[Any]
    tasks: Sequence[Any]
    events: Sequence[Event]
    outbox: int
    leased: frozenset[str]
    """The tasks whose lease has not run out."""


class World(Protocol):
    """Repositories, and what a test may do and see behind their backs."""

    @property
    def use(self) -> Repositories: ...

    @property
    def clock(self) -> FakeClock: ...

    def pass_time(self, seconds: float) -> None: ...

    def waiting(self) -> list[Waiting]:
        """The outbox, oldest first."""
        ...

    def clear_outbox(self) -> None:
        """All messages are sent and lost."""
        ...

    def events(self) -> list[Event]: ...

    def progress_of(self, task_id: str) -> float | None: ...

    def dead_letters(self) -> Sequence[dict[str, Any]]: ...

    def snapshot(self) -> Snapshot: ...

    def callbacks(self) -> Sequence[Any]:
        """All rows, oldest first; each has its columns as attributes."""
        ...

    def sweeps(self) -> Sequence[dict[str, int] | None]:
        """The repairs of each pass on record, ``None`` for one that has not ended."""
        ...

    def sweep_errors(self) -> Sequence[str | None]:
        """What went wrong in each pass, as it is on record."""
        ...

    def break_repair(self, name: str) -> None:
        """From now on this repair of the sweep fails."""
        ...

    def narrow(self, job_id: str, places: int) -> None:
        """Give the job's stages so many places, whatever is in them."""
        ...


class FakeWorld:
    def __init__(self, faults: Faults | None = None) -> None:
        self.clock = FakeClock()
        self.database = FakeDatabase(self.clock, faults)
        self.use = fake_repositories(self.database)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def waiting(self) -> list[Waiting]:
        now = self.clock.now()
        return [
            Waiting(
                row.kind.value,
                row.stage,
                row.task_id,
                row.attempt,
                row.claimed_until is not None and row.claimed_until >= now,
            )
            for _, row in sorted(self.database.tables.outbox.items())
        ]

    def clear_outbox(self) -> None:
        self.database.tables.outbox.clear()

    def events(self) -> list[Event]:
        return list(self.database.tables.events)

    def progress_of(self, task_id: str) -> float | None:
        return self.database.tables.tasks[task_id].progress

    def dead_letters(self) -> Sequence[dict[str, Any]]:
        return [{**vars(row.letter), **vars(row)} for row in self.database.tables.dead_letters.values()]

    def snapshot(self) -> Snapshot:
        tables = self.database.tables
        return Snapshot(
            list(tables.jobs.values()),
            list(tables.stages.values()),
            list(tables.tasks.values()),
            tables.events,
            len(tables.outbox),
            frozenset(
                task.task_id
                for task in tables.tasks.values()
                if task.lease_expires_at is not None and task.lease_expires_at > self.clock.now()
            ),
        )

    def callbacks(self) -> Sequence[Any]:
        return list(self.database.tables.callbacks.values())

    def sweeps(self) -> Sequence[dict[str, int] | None]:
        return [None if row.report is None else row.report.repairs for row in self.database.tables.sweeps]

    def sweep_errors(self) -> Sequence[str | None]:
        reports = [row.report for row in self.database.tables.sweeps]
        errors = [{} if report is None else report.errors for report in reports]
        return [", ".join(f"{name}: {error}" for name, error in each.items()) or None for each in errors]

    def break_repair(self, name: str) -> None:
        assert isinstance(self.use.sweeps, FakeSweepRepository)
        self.use.sweeps.broken.add(name)

    def narrow(self, job_id: str, places: int) -> None:
        stages = self.database.tables.stages
        for key, row in stages.items():
            if key[0] == job_id:
                stages[key] = replace(row, max_parallel_tasks=places)


class PostgresWorld:
    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.database = database
        self.use = Repositories(
            PostgresJobRepository(database),
            StageCompletionRepository(database),
            PostgresTaskRepository(database),
            PostgresOutboxRepository(database),
            PostgresDeadLetterRepository(database),
            PostgresSweepRepository(database),
            PostgresRetentionRepository(database),
            PostgresCallbackRepository(database),
        )

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        with self.database.transaction() as connection:
            for table, columns in _MOMENTS.items():
                moved = sql.SQL(", ").join(
                    sql.SQL("{0} = {0} - %(by)s").format(sql.Identifier(column)) for column in columns
                )
                statement = sql.SQL("update {} set {}").format(sql.Identifier("app", table), moved)
                connection.execute(statement, {"by": timedelta(seconds=seconds)})

    def waiting(self) -> list[Waiting]:
        rows = self.database.fetch_all(
            "select kind, stage, task_id, attempt, coalesce(claimed_until >= now(), false) as claimed"
            " from app.outbox order by outbox_id"
        )
        return [Waiting(**row) for row in rows]

    def clear_outbox(self) -> None:
        self.database.execute("delete from app.outbox")

    def events(self) -> list[Event]:
        rows = self.database.fetch_all("select * from app.job_events order by event_id")
        return [
            Event(row["entity"], _subject(row), row["from_status"], row["event"], row["to_status"])
            for row in rows
        ]

    def progress_of(self, task_id: str) -> float | None:
        row = self.database.fetch_one("select progress from app.tasks where task_id = %s", [task_id])
        assert row is not None
        return row["progress"]

    def dead_letters(self) -> Sequence[dict[str, Any]]:
        return self.database.fetch_all("select * from app.dead_letters order by dead_letter_id")

    def snapshot(self) -> Snapshot:
        return Snapshot(
            _rows(self.database.fetch_all("select * from app.jobs")),
            _rows(self.database.fetch_all("select * from app.stages")),
            _rows(self.database.fetch_all("select * from app.tasks")),
            self.events(),
            len(self.waiting()),
            frozenset(
                row["task_id"]
                for row in self.database.fetch_all(
                    "select task_id from app.tasks where lease_expires_at > now()"
                )
            ),
        )

    def callbacks(self) -> Sequence[Any]:
        return _rows(self.database.fetch_all("select * from app.callbacks order by callback_id"))

    def sweeps(self) -> Sequence[dict[str, int] | None]:
        rows = self.database.fetch_all("select repairs from app.sweeps order by sweep_id")
        return [row["repairs"] for row in rows]

    def sweep_errors(self) -> Sequence[str | None]:
        rows = self.database.fetch_all("select error from app.sweeps order by sweep_id")
        return [row["error"] for row in rows]

    def break_repair(self, name: str) -> None:
        functions = self.database.fetch_all(
            "select oid::regprocedure::text as signature from pg_proc where proname = %s", [f"repair_{name}"]
        )
        for row in functions:
            statement = sql.SQL("drop function {}").format(sql.SQL(row["signature"]))
            with self.database.connection() as connection:
                connection.execute(statement)

    def narrow(self, job_id: str, places: int) -> None:
        self.database.execute(
            "update app.stages set max_parallel_tasks = %s where job_id = %s", [places, job_id]
        )

    def forget_everything(self) -> None:
        """As on a fresh database."""
        self.database.execute(
            "truncate app.jobs, app.stages, app.tasks, app.outbox,"
            " app.job_events, app.dead_letters, app.sweeps, app.callbacks"
        )


def _rows(rows: Sequence[dict[str, Any]]) -> list[Any]:
    return [SimpleNamespace(**row) for row in rows]


def _subject(row: dict[str, Any]) -> str:
    if row["entity"] == "job":
        return row["job_id"]
    if row["entity"] == "stage":
        return stage_subject((row["job_id"], row["run"], row["stage"]))
    return row["task_id"]
