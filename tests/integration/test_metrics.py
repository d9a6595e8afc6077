"""The numbers that the database tells, and the whole route over it."""

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from interfaces.metrics import Count, DatabaseMetrics
from repositories.dead_letters import PostgresDeadLetterRepository
from repositories.metrics import PostgresMetricsRepository
from repositories.postgres import Database
from repositories.sweeps import REPAIRS, PostgresSweepRepository
from schema.errors import DatabaseUnavailableError
from schema.records import DeadLetter, Verdict
from tests.support.routes import call
from tests.support.seeding import Seeder
from triggers.application import Application


@pytest.fixture
def seeder(database: Database) -> Seeder:
    return Seeder(database)


@pytest.fixture
def read(database: Database) -> Callable[[], DatabaseMetrics]:
    return PostgresMetricsRepository(database).read


Read = Callable[[], DatabaseMetrics]


def letter(number: int) -> DeadLetter:
    return DeadLetter("geospatial-tasks", str(number), "body", 4, 5, "CODE", "error", digest=str(number))


def test_an_empty_database_has_numbers_too(read: Read) -> None:
    found = read()
    assert (found.jobs, found.tasks, found.jobs_ended, found.tasks_ended) == ([], [], [], [])
    assert (found.outbox_messages, found.outbox_lag_seconds, found.oldest_queued_task_seconds) == (0, 0, 0)
    assert found.schema_version >= 1
    assert found.last_sweep_age_seconds is None
    assert found.events_window_seconds == 3600


def test_what_is_unfinished_is_counted_by_type_and_state(read: Read, seeder: Seeder) -> None:
    job_id, _ = seeder.job("first"), seeder.job("second")
    running, done, *_ = seeder.stage(job_id, 4, task_type="work")
    seeder.claim(running)
    seeder.complete(done)
    found = read()
    assert found.jobs == [Count(("first", "processing"), 1), Count(("second", "queued"), 1)]
    assert found.tasks == [Count(("work", "processing"), 1), Count(("work", "queued"), 2)]


def test_what_ended_lately_is_counted_with_its_durations(
    read: Read, database: Database, seeder: Seeder
) -> None:
    job_id = seeder.job("first", total_stages=1)
    first, second, third = seeder.stage(job_id, 3, task_type="work")
    seeder.complete(first)
    seeder.complete(second)
    seeder.fail(third)
    seeder.finish_job(job_id)
    database.execute("update app.tasks set started_at = finished_at - interval '2 seconds'")
    database.execute("update app.jobs set started_at = finished_at - interval '9 seconds'")
    found = read()
    assert found.jobs_ended == [Count(("first", "completed"), 1)]
    assert found.tasks_ended == [Count(("work", "completed"), 2), Count(("work", "failed"), 1)]
    (jobs,), (tasks,) = found.job_durations, found.task_durations
    assert (jobs.kind, jobs.quantiles) == ("first", {0.5: 9.0, 0.95: 9.0, 0.99: 9.0})
    assert (tasks.kind, tasks.quantiles[0.5]) == ("work", 2.0)


def test_what_ended_longer_ago_is_left_out(read: Read, database: Database, seeder: Seeder) -> None:
    job_id = seeder.job(total_stages=1)
    (task,) = seeder.stage(job_id, 1)
    seeder.complete(task)
    seeder.finish_job(job_id)
    database.execute("update app.tasks set finished_at = finished_at - interval '61 minutes'")
    database.execute("update app.jobs set finished_at = finished_at - interval '61 minutes'")
    found = read()
    assert (found.jobs_ended, found.tasks_ended) == ([], [])
    assert (found.job_durations, found.task_durations) == ([], [])


def test_a_job_that_never_started_has_no_duration(read: Read, seeder: Seeder) -> None:
    seeder.jobs.cancel(seeder.job("first"), "no longer needed")
    found = read()
    assert found.jobs_ended == [Count(("first", "cancelled"), 1)]
    assert found.job_durations == []


def test_retries_are_counted_by_what_did_them(read: Read, database: Database, seeder: Seeder) -> None:
    job_id = seeder.job()
    (task,) = seeder.stage(job_id, 1)
    seeder.claim(task)
    database.execute("update app.tasks set lease_expires_at = now() - interval '1 second'")
    assert PostgresSweepRepository(database).sweep(10).repairs["expired_leases"] == 1
    seeder.jobs.cancel(job_id, "for a while")
    seeder.jobs.retry(job_id, "corr-2")
    assert read().retries == [
        Count(("attempt_failed",), 0),
        Count(("lease_expired",), 1),
        Count(("stage_retried",), 1),
    ]


def test_tasks_that_end_now_are_found_however_long_ago_they_were_made(
    database: Database, seeder: Seeder
) -> None:
    old = seeder.stage(seeder.job(), 5, task_type="old")
    seeder.stage(seeder.job(), 10, task_type="new")
    database.execute("update app.tasks set created_at = now() - interval '3 hours' where task_type = 'old'")
    for task_id in old:
        seeder.complete(task_id)
    found = PostgresMetricsRepository(database, sample=10).read()
    assert found.tasks_ended == [Count(("old", "completed"), 5)]
    assert found.events_window_seconds < 3600


def test_a_task_that_ended_more_than_once_counts_once(read: Read, seeder: Seeder) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 1, task_type="work")
    seeder.jobs.cancel(job_id, "for a while")
    seeder.jobs.retry(job_id, "corr-2")
    assert read().tasks_ended == []
    seeder.jobs.cancel(job_id, "for good")
    assert read().tasks_ended == [Count(("work", "cancelled"), 1)]


def test_a_sample_tells_how_much_of_the_hour_it_covers(database: Database, seeder: Seeder) -> None:
    seeder.stage(seeder.job(), 3)
    database.execute("update app.job_events set at = now() - interval '200 seconds'")
    (events,) = database.fetch_all("select count(*) as number from app.job_events")
    full = PostgresMetricsRepository(database, sample=events["number"]).read()
    assert full.events_window_seconds == pytest.approx(200, abs=10)
    more = PostgresMetricsRepository(database, sample=events["number"] + 1).read()
    assert more.events_window_seconds == 3600


def test_the_outbox_and_the_longest_wait_are_told(read: Read, database: Database, seeder: Seeder) -> None:
    seeder.stage(seeder.job(), 2)
    database.execute("update app.outbox set created_at = now() - interval '100 seconds'")
    database.execute("update app.tasks set not_before = now() - interval '50 seconds'")
    found = read()
    assert found.outbox_messages == 3
    assert found.outbox_lag_seconds == pytest.approx(100, abs=10)
    assert found.oldest_queued_task_seconds == pytest.approx(50, abs=10)


def test_repairs_of_the_last_hour_are_summed_by_kind(read: Read, database: Database) -> None:
    sweeps = PostgresSweepRepository(database)
    for _ in range(3):
        sweeps.sweep(10)
    database.execute("""update app.sweeps set repairs = repairs || '{"expired_leases": 2}'""")
    database.execute("update app.sweeps set finished_at = now() - interval '2 hours' where sweep_id = 1")
    found = read()
    repairs = {count.labels[0]: count.number for count in found.sweep_repairs}
    assert repairs["expired_leases"] == 4
    assert set(repairs) == {name.removeprefix("repair_") for name in REPAIRS}
    assert found.last_sweep_age_seconds == pytest.approx(0, abs=10)


def test_dead_letters_are_counted_until_somebody_deals_with_them(read: Read, database: Database) -> None:
    letters = PostgresDeadLetterRepository(database)
    for number in range(4):
        letters.record(letter(number))
    letters.judge(letter(1), Verdict.UNHANDLED)
    letters.mark_replayed(3)
    letters.mark_disposed(4)
    assert read().dead_letters == [Count(("none",), 1), Count(("unhandled",), 1)]


def test_without_a_schema_the_database_is_away(empty_database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError):
        PostgresMetricsRepository(empty_database).read()


@pytest.mark.parametrize("statistics", [False, True])
def test_no_statement_walks_over_what_is_finished(
    database: Database, seeder: Seeder, statistics: bool
) -> None:
    """Whatever the planner knows of the table."""
    seeder.stage(seeder.job(), 1)
    with database.transaction() as connection:
        connection.execute("alter table app.tasks disable trigger user")
        connection.execute(
            "insert into app.tasks select copy.* from app.tasks t, generate_series(1, 20000) n,"
            " jsonb_populate_record(t, jsonb_build_object('task_id', n::text, 'task_index', n::text,"
            " 'status', 'completed', 'finished_at', now() - interval '2 hours')) copy"
        )
        connection.execute(
            "insert into app.job_events (job_id, run, stage, task_id, entity, from_status, event, to_status)"
            " select job_id, run, stage, task_id, 'task', 'processing', 'completed', 'completed'"
            "   from app.tasks"
        )
    if statistics:
        database.execute("vacuum analyze app.tasks")
        database.execute("vacuum analyze app.job_events")
    before = scans(database)
    assert PostgresMetricsRepository(database, sample=100).read().tasks == [
        Count(("seeded_task", "queued"), 1)
    ]
    assert scans(database) == before


def scans(database: Database) -> int:
    """How often any connection has read the whole table of tasks."""
    with database.connection() as connection:
        connection.execute("select pg_stat_force_next_flush()")
    row = database.fetch_one("select seq_scan from pg_stat_user_tables where relname = 'tasks'")
    assert row is not None
    return row["seq_scan"]


def test_the_route_gives_text_that_a_parser_reads(application: Application, seeder: Seeder) -> None:
    seeder.stage(seeder.job("first"), 2, task_type="work")
    answer = call(application, "GET", "/metrics")
    assert (answer.status, answer.content_type) == (200, "text/plain; version=0.0.4")
    samples = samples_of(answer.text)
    assert samples["geojobs_jobs", ("first", "processing")] == 1
    assert samples["geojobs_tasks", ("queued", "work")] == 2
    assert samples["geojobs_up", ("database",)] == 1
    assert samples["geojobs_up", ("queues",)] == 1


def test_the_route_takes_no_parameters(application: Application) -> None:
    answer = call(application, "GET", "/metrics?name=geojobs_jobs")
    assert (answer.status, answer.error_pointers) == (400, ["?name"])


def samples_of(text: str) -> dict[tuple[str, tuple[Any, ...]], float]:
    """Values by the metric's name and those of its labels, in the order of the labels' names."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
