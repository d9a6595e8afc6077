"""Redeploy, nuke and migrate: repeatable, and blind to every schema but ``app``."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import schema as schema_package
from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from repositories.storage_connection import StorageConnection
from schema.errors import ConfigurationError
from schema.queues import ALL_QUEUES, TASK_QUEUE
from tests.support.routes import Answer, call
from tests.support.seeding import Seeder
from triggers.application import Application

RESETS = ["redeploy", "nuke"]


def post(application: Application, target: str) -> Answer:
    return call(application, "POST", f"/db/schema/{target}")


@pytest.mark.parametrize("route", RESETS)
def test_a_reset_that_is_not_allowed_is_a_403(
    make_application: Callable[..., Application], database: Database, route: str
) -> None:
    job_id = Seeder(database).job()
    answer = post(make_application(ALLOW_SCHEMA_RESET="false"), f"{route}?confirm=yes")
    assert (answer.status, answer.json()["code"]) == (403, "RESET_FORBIDDEN")
    assert _job_ids(database) == [job_id]


def test_redeploy_leaves_an_empty_schema_of_the_newest_version(
    application: Application, database: Database
) -> None:
    Seeder(database).job()
    answer = post(application, "redeploy?confirm=yes")
    assert answer.status == 200
    assert answer.json()["steps"] == [
        "dropped schema app",
        "applied 0001_core",
        "applied 0002_callbacks",
        "applied 0003_inspection",
        "applied 0004_mixed_stages",
        "replaced functions",
        "let geojobs_reader read",
        "emptied the queues",
    ]
    assert _job_ids(database) == []
    assert application.schema.version() == application.schema.newest()


def test_nuke_leaves_no_schema(application: Application) -> None:
    answer = post(application, "nuke?confirm=yes")
    assert answer.json()["steps"] == ["dropped schema app", "emptied the queues"]
    assert application.schema.version() is None


@pytest.mark.parametrize("route", RESETS)
def test_a_reset_empties_every_queue(
    application: Application, storage: StorageConnection, route: str
) -> None:
    for name in ALL_QUEUES:
        storage.queue_service().get_queue_client(name).send_message("e30=")
    post(application, f"{route}?confirm=yes")
    assert [depth.approximate_messages for depth in application.queue.depths()] == [0] * len(ALL_QUEUES)


@pytest.mark.parametrize("route", RESETS)
def test_a_reset_keeps_geo_and_pgstac(application: Application, database: Database, route: str) -> None:
    for schema in ("geo", "pgstac"):
        database.execute(f"create schema {schema}")
        database.execute(f"create table {schema}.kept as select 1 as row")
    post(application, f"{route}?confirm=yes")
    assert database.fetch_one("select * from geo.kept") == {"row": 1}
    assert database.fetch_one("select * from pgstac.kept") == {"row": 1}


@pytest.mark.parametrize("route", RESETS)
def test_a_reset_may_be_repeated(application: Application, route: str) -> None:
    assert [post(application, f"{route}?confirm=yes").status for _ in range(2)] == [200, 200]


def test_migrate_builds_the_schema_where_there_is_none(application: Application) -> None:
    post(application, "nuke?confirm=yes")
    answer = post(application, "migrate")
    assert answer.json()["steps"] == [
        "applied 0001_core",
        "applied 0002_callbacks",
        "applied 0003_inspection",
        "applied 0004_mixed_stages",
        "replaced functions",
        "let geojobs_reader read",
        "checked the queues",
    ]
    assert application.schema.version() == application.schema.newest()


def test_migrate_again_applies_nothing_and_keeps_the_jobs(
    application: Application, database: Database
) -> None:
    job_id = Seeder(database).job()
    answer = post(application, "migrate")
    assert answer.json()["steps"] == ["replaced functions", "checked the queues"]
    assert _job_ids(database) == [job_id]


def test_migrate_works_while_tasks_run(application: Application, database: Database) -> None:
    seeder = Seeder(database)
    first, second = seeder.stage(seeder.job(), 2)
    token = seeder.claim(first).lease_token
    assert post(application, "migrate").status == 200
    seeder.complete(second)
    row = database.fetch_one("select lease_token from app.tasks where task_id = %s", (first,))
    assert row == {"lease_token": token}


def test_migrate_is_not_guarded_by_the_reset_setting(make_application: Callable[..., Application]) -> None:
    assert post(make_application(ALLOW_SCHEMA_RESET="false"), "migrate").status == 200


def test_simultaneous_migrations_wait_for_each_other(application: Application) -> None:
    post(application, "nuke?confirm=yes")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: post(application, "migrate"), range(4)))
    assert [answer.status for answer in answers] == [200] * 4
    applied = [answer for answer in answers if "applied 0001_core" in answer.json()["steps"]]
    assert len(applied) == 1


def test_migrate_makes_queues_that_are_missing(
    make_application: Callable[..., Application], storage: StorageConnection
) -> None:
    post(make_application(), "migrate")
    names = {queue.name for queue in storage.queue_service().list_queues()}
    assert names == set(ALL_QUEUES)
    assert TASK_QUEUE in names


def _job_ids(database: Database) -> list[str]:
    return [row["job_id"] for row in database.fetch_all("select job_id from app.jobs")]


def test_a_migration_that_was_edited_after_it_was_applied_is_refused(
    database: Database, tmp_path: Path
) -> None:
    source = tmp_path / "sql"
    shutil.copytree(Path(schema_package.__file__).parent / "sql", source)
    (first, *_) = sorted((source / "migrations").iterdir())
    first.write_text(first.read_text("utf-8") + "-- edited", "utf-8")
    with pytest.raises(ConfigurationError, match="edited after it was applied"):
        SchemaRepository(database, source).migrate()
