"""No news falls between the end of a job and somebody who subscribes at that moment."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from repositories.callbacks import PostgresCallbackRepository
from repositories.jobs import PostgresJobRepository
from repositories.postgres import Database
from schema.callbacks import MAX_CALLBACKS, CallbackRecord, NewCallback, Subscription
from schema.errors import TooManyCallbacksError
from schema.identity import job_id_of
from schema.records import FinishJob, NewJob
from schema.states import JobStatus

SUBSCRIPTION = Subscription([NewCallback("https://hooks.example.com/")])


def job(number: int) -> NewJob:
    return NewJob(job_id_of("trial", {"n": number}), "trial", {"n": number}, 1, "corr-1")


def states(database: Database) -> list[str]:
    return [row["state"] for row in database.fetch_all("select state::text from app.callbacks")]


def test_a_subscription_amid_the_end_of_a_job_waits_for_it_and_is_told(database: Database) -> None:
    jobs = PostgresJobRepository(database)
    jobs.submit(job(1))
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            connection.execute("select app.finish_job(%s, 1, 'completed', null, null, null)", [job(1).job_id])
            subscribing = pool.submit(jobs.submit, job(1), SUBSCRIPTION)
            _wait_for_a_waiting_statement(database)
        subscribing.result(30)
    assert states(database) == ["due"]


def test_the_end_of_a_job_amid_a_subscription_waits_for_it_and_tells(database: Database) -> None:
    jobs = PostgresJobRepository(database)
    jobs.submit(job(1))
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            connection.execute(
                "select app.subscribe(%s, '{https://a.example/}', '{final}', '{job}', '{a}', 'corr-1', '')",
                [job(1).job_id],
            )
            ending = pool.submit(jobs.finish, FinishJob(job(1).job_id, 1, JobStatus.FAILED))
            _wait_for_a_waiting_statement(database)
        assert ending.result(30)
    assert states(database) == ["due"]


def test_of_many_jobs_that_end_while_they_are_subscribed_to_none_is_untold(database: Database) -> None:
    jobs = PostgresJobRepository(database)
    count = 100
    for number in range(count):
        jobs.submit(job(number))

    def end(number: int) -> None:
        jobs.finish(FinishJob(job(number).job_id, 1, JobStatus.COMPLETED))

    with ThreadPoolExecutor(16) as pool:
        ending = [pool.submit(end, number) for number in range(count)]
        subscribing = [pool.submit(jobs.submit, job(number), SUBSCRIPTION) for number in range(count)]
        for each in [*ending, *subscribing]:
            each.result(60)
    assert states(database) == ["due"] * count


def test_of_many_who_subscribe_at_once_no_more_than_may_are_taken(database: Database) -> None:
    jobs = PostgresJobRepository(database)
    jobs.submit(job(1))

    def subscribe(number: int) -> bool:
        try:
            jobs.submit(job(1), Subscription([NewCallback(f"https://hooks.example.com/{number}")]))
        except TooManyCallbacksError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(subscribe, range(2 * MAX_CALLBACKS)))
    assert (taken, len(states(database))) == (MAX_CALLBACKS, MAX_CALLBACKS)


def test_of_many_who_claim_at_once_each_callback_goes_to_one(database: Database) -> None:
    jobs, callbacks = PostgresJobRepository(database), PostgresCallbackRepository(database)
    for number in range(60):
        jobs.submit(job(number), SUBSCRIPTION)
        jobs.finish(FinishJob(job(number).job_id, 1, JobStatus.COMPLETED))
    barrier = threading.Barrier(8)

    def claim(_: int) -> list[CallbackRecord]:
        barrier.wait(30)
        found: list[CallbackRecord] = []
        while page := callbacks.claim(4):
            found.extend(page)
        return found

    with ThreadPoolExecutor(8) as pool:
        claimed = [each.callback_id for page in pool.map(claim, range(8)) for each in page]
    assert sorted(Counter(claimed).values()) == [1] * 60


def test_a_submission_with_a_callback_is_one_statement(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    fetch_one = database.fetch_one

    def counted(statement: str, parameters: object = None) -> object:
        statements.append(statement)
        return fetch_one(statement, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(database, "fetch_one", counted)
    PostgresJobRepository(database).submit(job(1), SUBSCRIPTION)
    assert len(statements) == 1
    assert states(database) == ["waiting"]


def _wait_for_a_waiting_statement(database: Database) -> None:
    """Until somebody in this database waits for a lock."""
    waiting = (
        "select l.pid from pg_locks l join pg_stat_activity a using (pid)"
        " where not l.granted and a.datname = current_database() limit 1"
    )
    for _ in range(9_000):
        if database.fetch_one(waiting):
            return
        database.fetch_one("select pg_sleep(0.01)")
    raise AssertionError("nobody waits")
