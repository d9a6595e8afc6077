"""Measures one pass of the sweep over a database full of finished tasks; prints JSON.

./dev bench sweep                     a million finished tasks
./dev bench sweep --tasks 100000
"""

import argparse
import json
import os
import platform
import statistics
import time
from dataclasses import replace
from datetime import timedelta
from typing import LiteralString

from benchmarks.servers import fresh_environment
from repositories.jobs import PostgresJobRepository
from repositories.postgres import Database
from repositories.stages import StageCompletionRepository
from repositories.sweeps import PostgresSweepRepository
from schema.identity import job_id_of, task_id_of
from schema.policies import FailurePolicy, RetryPolicy
from schema.records import NewJob, NewTask, OpenStage
from tests.conftest import postgres_address
from tests.support.services import VARIABLE, Services

TASKS_PER_JOB = 1_000
BUDGET_SECONDS = 1.0
_PASSES = 5
_LIMIT = 1_000
_FILL_SECONDS = 900.0

# One job of one task goes through the protocol's own functions; then its rows are copied.
_END: LiteralString = """
alter table app.jobs disable trigger user;
alter table app.stages disable trigger user;
alter table app.tasks disable trigger user;
update app.tasks
   set status = 'completed', attempt = 1, result = '{}', started_at = now(), finished_at = clock_timestamp();
update app.stages set status = 'completed', completed = 1, closing_at = now(), closed_at = now();
update app.jobs set status = 'completed', finished_at = now(), deadline = now();
"""
_COPIES: tuple[LiteralString, ...] = (
    """
    insert into app.jobs
    select copy.* from app.jobs j, generate_series(1, %(jobs)s) n,
           jsonb_populate_record(j, jsonb_build_object('job_id', encode(sha256(n::text::bytea), 'hex'))) copy
    """,
    """
    insert into app.stages
    select copy.* from app.jobs j, app.stages s,
           jsonb_populate_record(s, jsonb_build_object('job_id', j.job_id)) copy
     where j.job_id <> s.job_id
    """,
    """
    insert into app.tasks
    select copy.* from app.jobs j, app.tasks t, generate_series(0, %(each)s - 1) n,
           jsonb_populate_record(t, jsonb_build_object(
               'job_id', j.job_id, 'task_id', left(j.job_id, 8) || '-r1-s1-' || md5(j.job_id || n),
               'task_index', n::text, 'position', n)) copy
     where j.job_id <> t.job_id
    """,
    "delete from app.outbox",
)


def main() -> None:
    arguments = _arguments()
    services = Services(json.loads(os.environ[VARIABLE]))
    with fresh_environment(services) as environment:
        address = postgres_address(services.postgres, environment["POSTGRES_DB"])
        database = Database(replace(address, statement_timeout_seconds=_FILL_SECONDS), max_size=1)
        try:
            fill(database, arguments.tasks)
            sweeps = PostgresSweepRepository(database)
            filled = database.fetch_one("select count(*) as tasks from app.tasks where status = 'completed'")
            seconds = [_timed(sweeps) for _ in range(_PASSES)]
            database.execute("vacuum analyze")
            vacuumed = [_timed(sweeps) for _ in range(_PASSES)]
        finally:
            database.close()
    report = {
        "finished_tasks": filled and filled["tasks"],
        "jobs": arguments.tasks // TASKS_PER_JOB,
        "sweep_seconds_without_statistics": _spread(seconds),
        "sweep_seconds_with_statistics": _spread(vacuumed),
        "budget_seconds": BUDGET_SECONDS,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(report, indent=2))


def fill(database: Database, tasks: int) -> None:
    """Jobs of 1,000 tasks each, all of them finished; one more job has one task."""
    job_id = job_id_of("filled", {})
    PostgresJobRepository(database).submit(NewJob(job_id, "filled", {}, 1, "benchmark"))
    stage = OpenStage(
        job_id=job_id,
        run=1,
        stage=1,
        task_type="noop",
        tasks=[NewTask(task_id_of(job_id, 1, 1, "0"), "0", {})],
        max_parallel_tasks=200,
        retry=RetryPolicy(),
        failure=FailurePolicy(),
        lease=timedelta(minutes=2),
        task_timeout=timedelta(minutes=5),
        stage_timeout=timedelta(hours=1),
    )
    if not StageCompletionRepository(database).open(stage):
        raise RuntimeError("the stage was not opened")
    for statement in (_END, *_COPIES):
        with database.connection() as connection:
            counts = {"jobs": tasks // TASKS_PER_JOB, "each": TASKS_PER_JOB}
            connection.execute(statement, counts if "%(" in statement else None)


def _timed(sweeps: PostgresSweepRepository) -> float:
    started = time.perf_counter()
    report = sweeps.sweep(_LIMIT)
    seconds = time.perf_counter() - started
    if report.errors or any(report.repairs.values()):
        raise RuntimeError(f"the sweep found something to repair among finished tasks: {report}")
    return seconds


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "first": round(seconds[0], 4),
        "median": round(statistics.median(seconds), 4),
        "max": round(max(seconds), 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1_000_000, help=f"in jobs of {TASKS_PER_JOB}")
    return parser.parse_args()


if __name__ == "__main__":
    main()
