"""All tasks of a stage that fails fast fail in the same moment, while others are still being claimed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from repositories.postgres import Database
from repositories.tasks import PostgresTaskRepository
from schema.identity import task_id_of
from schema.policies import ErrorClass, FailurePolicy
from schema.records import AttemptFailed, OutboxKind, OutboxRecord
from schema.results import ErrorDetail
from tests.conftest import postgres_address
from tests.support.seeding import Seeder
from tests.support.services import Services

_REPETITIONS = 20
_FAILURE = AttemptFailed(
    ErrorDetail(code="GONE", message="the container is gone", error_class=ErrorClass.PERMANENT),
    ErrorClass.PERMANENT,
)


@pytest.mark.parametrize("tasks", [2, 30, 100])
@pytest.mark.timeout(300)
def test_nobody_deadlocks_and_the_stage_closes_once(
    services: Services, database_name: str, tasks: int
) -> None:
    database = Database(postgres_address(services.postgres, database_name), max_size=48)
    seeder = Seeder(database)
    try:
        with ThreadPoolExecutor(tasks) as workers:
            for _ in range(_REPETITIONS):
                job_id = seeder.job()
                seeder.stage(job_id, tasks, failure=FailurePolicy())
                sent = _claim_and_fail_at_once(database, workers, job_id, tasks)
                assert len([row for row in sent if row.kind is OutboxKind.JOB]) == 1
                assert _unfinished(database, job_id) == 0
    finally:
        database.close()


def _claim_and_fail_at_once(
    database: Database, workers: ThreadPoolExecutor, job_id: str, tasks: int
) -> list[OutboxRecord]:
    """As the runner does it: what cannot be claimed has ended, so its stage may need closing."""
    repository, seeder = PostgresTaskRepository(database), Seeder(database)
    barrier = threading.Barrier(tasks, timeout=60)

    def claim_and_fail(number: int) -> list[OutboxRecord]:
        task_id, token = task_id_of(job_id, 1, 1, str(number)), uuid4()
        barrier.wait()
        if repository.claim(task_id, 1, "worker", token).task is None:
            return [*seeder.stages.close(job_id, 1, 1)]
        return [*repository.finish(task_id, token, _FAILURE).outbox]

    return [row for sent in workers.map(claim_and_fail, range(tasks)) for row in sent]


def _unfinished(database: Database, job_id: str) -> int:
    row = database.fetch_one(
        "select count(*) as n from app.tasks"
        " where job_id = %s and status in ('pending', 'queued', 'processing')",
        [job_id],
    )
    assert row is not None
    return int(row["n"])
