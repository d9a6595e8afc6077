"""Measures what one reading of the metrics costs over a database full of finished tasks; prints JSON.

./dev bench metrics                   a million finished tasks, 50,000 unfinished ones
./dev bench metrics --tasks 100000
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
from benchmarks.sweep import fill
from repositories.jobs import PostgresJobRepository
from repositories.metrics import PostgresMetricsRepository
from repositories.postgres import Database
from repositories.stages import StageCompletionRepository
from schema.identity import job_id_of, task_id_of
from schema.policies import FailurePolicy, RetryPolicy
from schema.records import NewJob, NewTask, OpenStage
from tests.conftest import postgres_address
from tests.support.services import VARIABLE, Services

BUDGET_SECONDS = 1.0
_READS = 9
_FILL_SECONDS = 900.0

# A million tasks have made about three million events; what the metrics read of them are the newest.
_EVENTS: LiteralString = """
insert into app.job_events (job_id, run, stage, task_id, attempt, entity, from_status, event, to_status)
select job_id, run, stage, task_id, 1, 'task', moved.from_status, moved.event, moved.to_status
  from app.tasks, (values ('queued', 'claimed', 'processing'), ('processing', 'completed', 'completed'))
       as moved (from_status, event, to_status)
 where status = 'completed'
"""

_FINISHED_ARE_NEWEST: LiteralString = """
update app.tasks set created_at = created_at - interval '1 day' where status in ('pending', 'queued')
"""


def main() -> None:
    arguments = _arguments()
    services = Services(json.loads(os.environ[VARIABLE]))
    with fresh_environment(services) as environment:
        address = postgres_address(services.postgres, environment["POSTGRES_DB"])
        database = Database(replace(address, statement_timeout_seconds=_FILL_SECONDS), max_size=1)
        try:
            fill(database, arguments.tasks)
            database.execute(_EVENTS)
            _open(database, arguments.unfinished)
            database.execute(_FINISHED_ARE_NEWEST)
            metrics = PostgresMetricsRepository(database)
            counted = {count.labels: count.number for count in metrics.read().tasks}
            seconds = [_timed(metrics) for _ in range(_READS)]
            database.execute("vacuum analyze")
            vacuumed = [_timed(metrics) for _ in range(_READS)]
        finally:
            database.close()
    if sum(counted.values()) != arguments.unfinished:
        raise RuntimeError(f"{arguments.unfinished} tasks are unfinished, but these were counted: {counted}")
    report = {
        "finished_tasks": arguments.tasks,
        "unfinished_tasks": arguments.unfinished,
        "seconds_without_statistics": _spread(seconds),
        "seconds_with_statistics": _spread(vacuumed),
        "budget_seconds": BUDGET_SECONDS,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(report, indent=2))


def _open(database: Database, tasks: int) -> None:
    job_id = job_id_of("unfinished", {})
    PostgresJobRepository(database).submit(NewJob(job_id, "unfinished", {}, 1, "benchmark"))
    indexes = [str(number) for number in range(tasks)]
    stage = OpenStage(
        job_id=job_id,
        run=1,
        stage=1,
        task_type="noop",
        tasks=[NewTask(task_id_of(job_id, 1, 1, index), index, {}) for index in indexes],
        max_parallel_tasks=200,
        retry=RetryPolicy(),
        failure=FailurePolicy(),
        lease=timedelta(minutes=2),
        task_timeout=timedelta(minutes=5),
        stage_timeout=timedelta(hours=1),
    )
    if not StageCompletionRepository(database).open(stage):
        raise RuntimeError("the stage was not opened")


def _timed(metrics: PostgresMetricsRepository) -> float:
    started = time.perf_counter()
    metrics.read()
    return time.perf_counter() - started


def _spread(seconds: list[float]) -> dict[str, float]:
    return {
        "first": round(seconds[0], 4),
        "median": round(statistics.median(seconds), 4),
        "max": round(max(seconds), 4),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1_000_000, help="finished ones")
    parser.add_argument("--unfinished", type=int, default=50_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
