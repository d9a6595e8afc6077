"""The last tasks of a stage finish in the same moment: the stage closes once, and nobody deadlocks."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from repositories.postgres import Database
from repositories.tasks import PostgresTaskRepository
from schema.records import AttemptSucceeded, Finish, FinishOutcome, OutboxKind
from tests.conftest import postgres_address
from tests.support.seeding import Seeder
from tests.support.services import Services

_REPETITIONS = 50
_CONNECTIONS = 64
_LEASE_ALL = """
update app.tasks
   set status = 'processing', last_event = 'claimed', attempt = 1, lease_token = gen_random_uuid(),
       lease_expires_at = now() + interval '10 minutes'
 where job_id = %(job_id)s returning task_id, lease_token
"""
_LEASE_STILL_HELD_BACK = """
update app.tasks set status = 'queued', last_event = 'released'
 where job_id = %(job_id)s and status = 'pending'
"""


@pytest.mark.parametrize("tasks", [2, 30, 300])
@pytest.mark.timeout(300)
def test_one_closing_and_no_deadlock_when_all_tasks_finish_at_once(
    services: Services, database_name: str, tasks: int
) -> None:
    database = Database(postgres_address(services.postgres, database_name), max_size=_CONNECTIONS)
    seeder = Seeder(database)
    try:
        with ThreadPoolExecutor(tasks) as workers:
            for _ in range(_REPETITIONS):
                job_id = seeder.job()
                seeder.stage(job_id, tasks)
                outcomes = _finish_at_once(database, workers, _leases(database, job_id))

                assert {finish.outcome for finish in outcomes} == {FinishOutcome.COMPLETED}
                sent = [row for finish in outcomes for row in finish.outbox if row.kind is OutboxKind.JOB]
                assert len(sent) == 1
                assert _closings(database, job_id) == 1
    finally:
        database.close()


def _leases(database: Database, job_id: str) -> list[tuple[str, UUID]]:
    with database.transaction() as connection:
        connection.execute(_LEASE_STILL_HELD_BACK, {"job_id": job_id})
        rows = connection.execute(_LEASE_ALL, {"job_id": job_id}).fetchall()
    return [(row["task_id"], row["lease_token"]) for row in rows]


def _finish_at_once(
    database: Database, workers: ThreadPoolExecutor, leases: list[tuple[str, UUID]]
) -> list[Finish]:
    barrier = threading.Barrier(len(leases), timeout=60)
    repository = PostgresTaskRepository(database)

    def finish(lease: tuple[str, UUID]) -> Finish:
        barrier.wait()
        return repository.finish(*lease, AttemptSucceeded({"done": True}, 1))

    return list(workers.map(finish, leases))


def _closings(database: Database, job_id: str) -> int:
    row = database.fetch_one(
        "select count(*) as n from app.job_events where job_id = %s and event = 'last_task_finished'",
        [job_id],
    )
    assert row is not None
    return int(row["n"])


def test_a_finish_that_waits_for_another_commit_still_closes_the_stage(
    services: Services, database_name: str, database: Database
) -> None:
    seeder = Seeder(database)
    job_id = seeder.job()
    first, second = (seeder.claim(task_id) for task_id in seeder.stage(job_id, 2))
    with services.postgres.connect(database_name) as slow, slow.transaction():
        slow.execute(
            "select * from app.complete_attempt(%s, %s, '{}', null, 1)", [first.task_id, first.lease_token]
        )
        early = seeder.tasks.finish(second.task_id, second.lease_token, AttemptSucceeded({}, 1))
        assert not [row for row in early.outbox if row.kind is OutboxKind.JOB]

    assert len(seeder.stages.close(job_id, 1, 1)) == 1
    assert len(seeder.stages.close(job_id, 1, 1)) == 0


def test_the_advisory_lock_makes_closers_wait_for_each_other(
    services: Services, database_name: str, database: Database
) -> None:
    seeder = Seeder(database)
    job_id = seeder.job()
    (task_id,) = seeder.stage(job_id, 1)
    task = seeder.claim(task_id)
    with services.postgres.connect(database_name) as holder, holder.transaction():
        holder.execute(
            "select * from app.complete_attempt(%s, %s, '{}', null, 1)", [task_id, task.lease_token]
        )
        holder.execute("select app.close_stage(%s, 1, 1)", [job_id])
        with services.postgres.connect(database_name) as other:
            other.execute("set lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                other.execute("select pg_advisory_xact_lock(hashtextextended(%s || ':1:1', 0))", [job_id])
