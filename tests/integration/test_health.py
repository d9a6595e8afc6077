"""Health on real servers: what each component tells, and how it answers when a server does not."""

import socket
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from repositories.postgres import Database
from repositories.storage_connection import StorageConnection
from repositories.sweeps import PostgresSweepRepository
from schema.queues import ALL_QUEUES, TASK_QUEUE
from tests.support.routes import Answer, call
from triggers.application import Application


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose server accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def health(application: Application) -> Answer:
    return call(application, "GET", "/health")


def test_a_working_system_is_healthy_with_every_component(application: Application) -> None:
    answer = health(application)
    assert answer.status == 200
    found = answer.json()
    assert found["status"] == "healthy"
    assert set(found["components"]) == {
        "database",
        "queues",
        "blob_storage",
        "callbacks",
        "catalogs",
        "host",
        "telemetry",
    }
    assert all(component["state"] == "healthy" for component in found["components"].values())
    assert all(component["latency_ms"] >= 0 for component in found["components"].values())


def test_the_database_tells_schema_version_and_pool(application: Application) -> None:
    details = health(application).json()["components"]["database"]["details"]
    assert details["schema_version"] == details["newest_migration"] == application.schema.newest()
    assert details["pool"]["pool_max"] >= 1
    assert details["server_version"]


def test_queues_tell_depth_and_age_of_the_oldest_message(
    application: Application, storage: StorageConnection
) -> None:
    queue = storage.queue_service().get_queue_client(TASK_QUEUE)
    queue.send_message("e30=")
    details = health(application).json()["components"]["queues"]["details"]
    assert set(details) == set(ALL_QUEUES)
    assert details[TASK_QUEUE]["approximate_messages"] == 1
    assert details[TASK_QUEUE]["oldest_age_seconds"] is not None


def test_catalogs_and_host_tell_what_runs(application: Application) -> None:
    components = health(application).json()["components"]
    assert "hello_world" in components["catalogs"]["details"]["job_types"]
    assert "hello_world_greeting" in components["catalogs"]["details"]["task_types"]
    assert set(components["host"]["details"]) == {"version", "python", "uptime_seconds"}


def test_poison_messages_degrade(application: Application, storage: StorageConnection) -> None:
    storage.queue_service().get_queue_client(f"{TASK_QUEUE}-poison").send_message("e30=")
    answer = health(application)
    assert answer.status == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["components"]["queues"]["message"] == "about 1 messages in the poison queues"


def test_a_finished_sweep_is_told(application: Application, database: Database) -> None:
    PostgresSweepRepository(database).sweep(10)
    details = health(application).json()["components"]["database"]["details"]
    assert details["last_sweep_finished_at"].endswith("+00:00")


def database_component(application: Application) -> dict[str, Any]:
    return health(application).json()["components"]["database"]


def test_a_sweep_whose_repairs_fail_degrades_until_one_is_whole_again(
    application: Application, database: Database
) -> None:
    sweeps = PostgresSweepRepository(database)
    database.execute("alter function app.repair_deadlines(integer) rename to repair_no_deadlines")
    assert set(sweeps.sweep(10).errors) == {"deadlines"}
    component = database_component(application)
    assert component["state"] == "degraded"
    assert component["message"].startswith("repairs of the last sweep failed: deadlines: ")
    database.execute("alter function app.repair_no_deadlines(integer) rename to repair_deadlines")
    assert sweeps.sweep(10).errors == {}
    assert database_component(application)["state"] == "healthy"


def test_a_sweep_that_does_not_finish_degrades_until_one_does(
    application: Application, database: Database
) -> None:
    database.execute("insert into app.sweeps (started_at) values (now() - interval '1 hour')")
    component = database_component(application)
    assert component["state"] == "degraded"
    assert component["message"].startswith("a sweep has not finished since ")
    PostgresSweepRepository(database).sweep(10)
    assert database_component(application)["state"] == "healthy"


def test_a_sweep_that_has_just_begun_is_no_news(application: Application, database: Database) -> None:
    database.execute("insert into app.sweeps default values")
    assert database_component(application)["state"] == "healthy"


def test_a_schema_of_another_version_degrades(application: Application, database: Database) -> None:
    database.execute(
        "insert into app.schema_migrations (version, name, checksum) values (9999, 'later', 'none')"
    )
    component = health(application).json()["components"]["database"]
    assert component["state"] == "degraded"
    assert component["message"].startswith("the schema is at version 9999")


def test_a_database_without_a_schema_is_unhealthy(application: Application, database: Database) -> None:
    database.execute("drop schema app cascade")
    answer = health(application)
    assert answer.status == 503
    component = answer.json()["components"]["database"]
    assert component["state"] == "unhealthy"
    assert component["message"] == "the database has no schema: apply the migrations"


def test_a_database_that_hangs_is_told_within_seconds(
    make_application: Callable[..., Application], silent_port: int
) -> None:
    application = make_application(POSTGRES_PORT=str(silent_port))
    begun = monotonic()
    answer = health(application)
    assert monotonic() - begun < 6
    assert answer.status == 503
    assert answer.json()["components"]["database"]["state"] == "unhealthy"
    assert answer.json()["components"]["blob_storage"]["state"] == "healthy"
    assert "127.0.0.1" not in answer.text


def test_storage_that_is_away_is_told_within_seconds(
    make_application: Callable[..., Application], closed_port: int
) -> None:
    application = make_application(
        AzureWebJobsStorage=f"DefaultEndpointsProtocol=http;AccountName=gone;AccountKey=c2VjcmV0;"
        f"BlobEndpoint=http://127.0.0.1:{closed_port}/gone;"
        f"QueueEndpoint=http://127.0.0.1:{closed_port}/gone;"
    )
    begun = monotonic()
    answer = health(application)
    assert monotonic() - begun < 6
    assert answer.status == 503
    components = answer.json()["components"]
    assert (components["queues"]["state"], components["blob_storage"]["state"]) == ("unhealthy", "unhealthy")
    assert components["database"]["state"] == "healthy"
    assert "c2VjcmV0" not in answer.text


def test_live_answers_with_every_server_away(
    make_application: Callable[..., Application], silent_port: int
) -> None:
    application = make_application(POSTGRES_PORT=str(silent_port))
    answer = call(application, "GET", "/health/live")
    assert (answer.status, answer.json()) == (200, {"status": "live"})


def test_health_refuses_unknown_parameters(application: Application) -> None:
    answer = call(application, "GET", "/health?verbose=true")
    assert (answer.status, answer.error_pointers) == (400, ["?verbose"])
