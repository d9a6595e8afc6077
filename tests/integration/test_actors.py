"""Who did it: the audit trail names the caller where one is known, else the process."""

import base64
import json
from collections.abc import Callable

import pytest

from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from schema.access import AuthMode
from schema.identity import job_id_of
from schema.records import Control, NewJob
from schema.states import JobStatus
from tests.support.routes import call
from tests.support.seeding import Seeder
from triggers.application import Application

PROCESS = "geojobs tests"
CALLER = "alice@example.org"
NAMED = "user:alice@example.org"

Act = Callable[[Seeder, str], Control | None]


def actors(database: Database, job_id: str, *events: str) -> set[str]:
    """Who did what the trail has of these events."""
    rows = database.fetch_all(
        "select actor from app.job_events where job_id = %s and event = any(%s)", [job_id, list(events)]
    )
    assert rows
    return {row["actor"] for row in rows}


@pytest.fixture
def seeder(database: Database) -> Seeder:
    return Seeder(database)


def test_a_submission_is_its_callers(database: Database, seeder: Seeder) -> None:
    job_id = job_id_of("seeded", {})
    seeder.jobs.submit(NewJob(job_id, "seeded", {}, 1, "corr-1", submitted_by=CALLER))
    assert actors(database, job_id, "submitted") == {NAMED}


def test_without_a_caller_a_submission_is_the_processs(database: Database, seeder: Seeder) -> None:
    assert actors(database, seeder.job(), "submitted") == {PROCESS}


def test_a_cancellation_is_its_callers_down_to_the_tasks(database: Database, seeder: Seeder) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 3)
    seeder.jobs.cancel(job_id, "no longer needed", CALLER)
    assert actors(database, job_id, "cancelled") == {NAMED}


@pytest.mark.parametrize(
    ("event", "act"),
    [
        ("retried", lambda seeder, job_id: seeder.jobs.retry(job_id, "corr-2", CALLER)),
        ("rerun", lambda seeder, job_id: seeder.jobs.rerun(job_id, "corr-2", CALLER)),
    ],
)
def test_what_takes_a_job_up_again_is_its_callers(
    database: Database, seeder: Seeder, event: str, act: Act
) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 1)
    seeder.jobs.cancel(job_id, "for a while")
    act(seeder, job_id)
    assert actors(database, job_id, event) == {NAMED}
    assert actors(database, job_id, "cancelled") == {PROCESS}


def test_a_caller_is_forgotten_with_the_transaction(database: Database, seeder: Seeder) -> None:
    """Connections are pooled: what comes next on the same one is not that caller's."""
    first, second = seeder.job(), seeder.job()
    with database.connection() as connection:
        connection.execute("select app.cancel_job(%s, 'no longer needed', %s)", [first, CALLER])
        connection.execute("select app.cancel_job(%s, 'no longer needed', null)", [second])
        connection.execute("select app.rerun_job(%s, 'corr-2', null)", [first])
    assert actors(database, first, "cancelled") == {NAMED}
    assert actors(database, second, "cancelled") == {PROCESS}
    assert actors(database, first, "rerun") == {PROCESS}


def test_a_workers_moves_are_the_processs(database: Database, seeder: Seeder) -> None:
    job_id = seeder.job(total_stages=1)
    (task,) = seeder.stage(job_id, 1)
    seeder.complete(task)
    seeder.finish_job(job_id, JobStatus.COMPLETED)
    assert actors(database, job_id, "started", "opened", "claimed", "completed") == {PROCESS}


def test_the_functions_of_before_go_when_the_schema_is_upgraded(database: Database) -> None:
    database.execute("create function app.cancel_job(char, text) returns integer language sql as 'select 1'")
    SchemaRepository(database).migrate()
    rows = database.fetch_all("select from pg_proc where proname = 'cancel_job'")
    assert len(rows) == 1


def test_over_http_the_caller_is_whom_the_platform_signed_in(
    application: Application, database: Database
) -> None:
    claims = [{"typ": "roles", "val": "geojobs.admin"}, {"typ": "preferred_username", "val": CALLER}]
    principal = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
    signed_in = {"X-MS-CLIENT-PRINCIPAL": principal}

    def post(target: str) -> str:
        answer = call(application, "POST", target, headers=signed_in, mode=AuthMode.ENTRA)
        assert answer.status == 202, answer.text
        return answer.json()["job_id"]

    job_id = post("/jobs/submit/hello_world")
    for step in ("cancel", "retry", "cancel", "rerun"):
        post(f"/jobs/{job_id}/{step}")
    assert actors(database, job_id, "submitted", "cancelled", "retried", "rerun") == {NAMED}
