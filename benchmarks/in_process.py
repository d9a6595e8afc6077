"""Orchestration with the queue in this process, so that the database is all that is waited for."""

import argparse
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from benchmarks.memory_queue import MemoryQueue
from benchmarks.noop import JOB_TYPE, noop_catalogs
from benchmarks.round_trips import count_round_trips
from benchmarks.servers import fresh_environment
from bootstrap import bootstrap
from config import load_settings
from orchestration.submission import Caller
from repositories.jobs import PostgresJobRepository
from repositories.postgres import Database
from repositories.stages import StageCompletionRepository
from schema.identity import job_id_of, task_id_of
from schema.messages import JobQueueMessage, QueueMessage
from schema.policies import FailurePolicy, RetryPolicy
from schema.records import NewJob, NewTask, OpenStage
from schema.states import FINAL_JOB_STATES, JobStatus
from tests.conftest import postgres_address
from tests.support.services import Services

_CALLER = Caller("benchmark")


class InProcess:
    """The application with its queue in this process; ``run`` takes one job to its end."""

    def __init__(self, services: Services, environment: dict[str, str], max_parallel: int) -> None:
        self._queue = MemoryQueue()
        with patch.dict("os.environ", environment):
            self._application = bootstrap(load_settings(), noop_catalogs(max_parallel), self._queue)
        self._watching = Database(postgres_address(services.postgres, environment["POSTGRES_DB"]), 1)

    def start(self, threads: int) -> None:
        """Begin to deliver messages, and warm up."""
        self._queue.start(self._deliver, threads)
        self.run(threads, 1, "warm")

    def run(self, tasks: int, stages: int, salt: str) -> float:
        """Seconds from the submission to the job's end."""
        started = time.perf_counter()
        body = {"tasks": tasks, "stages": stages, "salt": salt}
        job_id = self._application.submit(JOB_TYPE, body, _CALLER).job.job_id
        while (status := job_status(self._watching, job_id)) not in FINAL_JOB_STATES:
            time.sleep(0.02)
        if status != JobStatus.COMPLETED:
            raise RuntimeError(f"the job ended {status}")
        return time.perf_counter() - started

    def close(self) -> None:
        self._queue.close()
        self._application.close()
        self._watching.close()

    def _deliver(self, message: QueueMessage) -> None:
        if isinstance(message, JobQueueMessage):
            self._application.driver.handle(message)
        else:
            self._application.runner.handle(message)


def job_status(database: Database, job_id: str) -> str:
    """From the row itself: the status route counts tasks, which would be measured too."""
    row = database.fetch_one("select status from app.jobs where job_id = %s", [job_id])
    return "" if row is None else str(row["status"])


def measure_in_process(services: Services, arguments: argparse.Namespace) -> dict[str, Any]:
    """Tasks a second and round trips for each task."""
    with fresh_environment(services) as environment:
        process = InProcess(services, environment, arguments.max_parallel)
        try:
            process.start(arguments.threads)
            trips = count_round_trips()
            before = trips.count
            seconds = process.run(arguments.tasks, arguments.stages, "measured")
            asked = trips.count - before
        finally:
            process.close()
    total = arguments.tasks * arguments.stages
    return {
        "seconds": round(seconds, 2),
        "tasks_per_second": round(total / seconds, 1),
        "database_round_trips_per_task": round(asked / total, 2),
    }


def measure_opening(services: Services, tasks: int) -> dict[str, Any]:
    """How long a stage of so many tasks takes to open, rows and outbox, in one transaction."""
    with fresh_environment(services) as environment:
        database = Database(postgres_address(services.postgres, environment["POSTGRES_DB"]), 1)
        job_id = job_id_of("opening", {})
        PostgresJobRepository(database).submit(NewJob(job_id, "opening", {}, 1, "benchmark"))
        stage = OpenStage(
            job_id=job_id,
            run=1,
            stage=1,
            task_type="noop",
            tasks=[
                NewTask(task_id_of(job_id, 1, 1, str(number)), str(number), {"number": number})
                for number in range(tasks)
            ],
            max_parallel_tasks=tasks,
            retry=RetryPolicy(),
            failure=FailurePolicy(),
            lease=timedelta(minutes=2),
            task_timeout=timedelta(minutes=5),
            stage_timeout=timedelta(hours=1),
        )
        started = time.perf_counter()
        opened = StageCompletionRepository(database).open(stage)
        seconds = time.perf_counter() - started
        database.close()
    if not opened:
        raise RuntimeError("the stage was not opened")
    return {"opening": {"tasks": tasks, "seconds": round(seconds, 2)}}
