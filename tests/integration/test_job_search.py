"""Finding jobs by several facts at once, in a real database."""

from datetime import timedelta

import pytest

from interfaces.job_search import JobSearch, SearchedJob
from repositories.job_search import PostgresJobSearchRepository
from repositories.postgres import Database
from schema.states import JobStatus
from tests.support.seeding import Seeder


@pytest.fixture
def search(database: Database) -> PostgresJobSearchRepository:
    return PostgresJobSearchRepository(database)


@pytest.fixture
def seeder(database: Database) -> Seeder:
    return Seeder(database)


def test_pages_follow_each_other_newest_first(search: PostgresJobSearchRepository, seeder: Seeder) -> None:
    made = [seeder.job() for _ in range(5)]
    found: list[SearchedJob] = []
    before = None
    while True:
        page = search.search(JobSearch(limit=2, before=before))
        found += page[:2]
        if len(page) <= 2:
            break
        before = (page[1].created_at, page[1].job_id)
    assert [job.job_id for job in found] == made[::-1]


def test_one_more_than_the_limit_tells_of_another_page(
    search: PostgresJobSearchRepository, seeder: Seeder
) -> None:
    for _ in range(3):
        seeder.job()
    assert len(search.search(JobSearch(limit=3))) == 3
    assert len(search.search(JobSearch(limit=2))) == 3


def test_any_of_several_types_and_states(search: PostgresJobSearchRepository, seeder: Seeder) -> None:
    queued = seeder.job("a")
    done = seeder.job("b")
    seeder.job("c")
    seeder.stage(done, 1)
    seeder.finish_job(done)
    by_type = search.search(JobSearch(limit=10, job_types=["a", "b"]))
    assert {job.job_id for job in by_type} == {queued, done}
    by_state = search.search(JobSearch(limit=10, statuses=[JobStatus.COMPLETED, JobStatus.FAILED]))
    assert [job.job_id for job in by_state] == [done]
    assert search.search(JobSearch(limit=10, statuses=[])) == []


def test_times_include_both_ends(search: PostgresJobSearchRepository, seeder: Seeder) -> None:
    seeder.job()
    (job,) = search.search(JobSearch(limit=1))
    moment, second = job.created_at, timedelta(seconds=1)
    assert search.search(JobSearch(limit=1, created_from=moment, created_until=moment))
    assert search.search(JobSearch(limit=1, created_from=moment + second)) == []
    assert search.search(JobSearch(limit=1, created_until=moment - second)) == []


def test_a_duration_counts_from_the_start_to_the_end_or_now(
    search: PostgresJobSearchRepository, seeder: Seeder, database: Database
) -> None:
    waiting, running, done = seeder.job(), seeder.job(), seeder.job()
    for job_id in (running, done):
        seeder.stage(job_id, 1)
    seeder.finish_job(done)
    with database.transaction() as connection:
        connection.execute("set local session_replication_role = replica")
        connection.execute("update app.jobs set started_at = started_at - interval '10 seconds'")
    found = search.search(JobSearch(limit=10, min_seconds=10, max_seconds=3_600))
    assert {job.job_id for job in found} == {running, done}
    assert search.search(JobSearch(limit=10, max_seconds=9)) == []
    assert waiting not in {job.job_id for job in search.search(JobSearch(limit=10, min_seconds=0))}


def test_text_is_never_part_of_the_statement(search: PostgresJobSearchRepository, seeder: Seeder) -> None:
    seeder.job()
    assert search.search(JobSearch(limit=10, job_types=["' or true --", "{}", '"', ","])) == []
