"""Dropping and building the schema of an app that runs: guarded, complete, and then business as usual."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest

from schema.queues import ALL_QUEUES
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, encoded, eventually

RESETS = ["db/schema/redeploy", "db/schema/nuke"]
NEVER_SEEN = 3600
DEADLOCK = "schema change met a deadlock and starts again"
TAKEN_BY_ONE_WHO_WAITS = """
    select taken.relation::regclass::text as name
      from pg_locks waiting join pg_locks taken using (pid)
      join pg_class on pg_class.oid = taken.relation and pg_class.relkind = 'r'
     where not waiting.granted and waiting.mode = 'AccessExclusiveLock'
       and taken.granted and taken.mode = 'AccessExclusiveLock' and taken.locktype = 'relation'
       and taken.database = (select oid from pg_database where datname = current_database())
     limit 1
"""


@pytest.fixture(scope="module")
def resettable(module_hosts: HostFactory) -> Host:
    """A host whose schema may be reset; it is built anew before each test."""
    return module_hosts()


@pytest.fixture
def clean(resettable: Host) -> Host:
    assert resettable.http.post("db/schema/redeploy?confirm=yes").status_code == 200
    return resettable


@pytest.fixture(scope="module")
def guarded(module_hosts: HostFactory) -> Host:
    return module_hosts(ALLOW_SCHEMA_RESET="false")


@pytest.mark.parametrize("path", RESETS)
@pytest.mark.parametrize("query", ["", "?confirm=yes"])
def test_a_reset_is_forbidden_where_it_is_not_allowed(guarded: Host, path: str, query: str) -> None:
    job_id = guarded.http.post("jobs/submit/hello_world", json={"n": 1}).json()["job_id"]
    answer = guarded.http.post(path + query)
    assert (answer.status_code, answer.json()["code"]) == (403, "RESET_FORBIDDEN")
    assert guarded.wait(job_id)["status"] == "completed"


@pytest.mark.parametrize("path", RESETS)
@pytest.mark.parametrize("query", ["", "?confirm=no", "?confirm=YES", "?confirm=true"])
def test_a_reset_must_be_confirmed(clean: Host, path: str, query: str) -> None:
    job_id = clean.run(n=1)["job_id"]
    answer = clean.http.post(path + query)
    assert (answer.status_code, answer.json()["code"]) == (400, "CONFIRMATION_MISSING")
    assert clean.status(job_id)["status"] == "completed"


def test_a_migration_is_allowed_everywhere_and_keeps_everything(guarded: Host) -> None:
    job_id = guarded.http.post("jobs/submit/hello_world", json={"n": 40}).json()["job_id"]
    answer = guarded.http.post("db/schema/migrate")
    assert answer.status_code == 200
    assert guarded.wait(job_id)["status"] == "completed"


def test_a_redeployment_leaves_empty_tables(clean: Host) -> None:
    clean.run(n=3)
    answer = clean.http.post("db/schema/redeploy?confirm=yes")
    assert answer.status_code == 200
    assert "dropped schema app" in answer.json()["steps"]
    for table in ("jobs", "stages", "tasks", "outbox", "job_events", "dead_letters"):
        assert clean.rows(f"select count(*) as found from app.{table}") == [{"found": 0}]  # noqa: S608 -- own names


@pytest.mark.parametrize("path", RESETS)
def test_a_reset_leaves_empty_queues(clean: Host, path: str) -> None:
    clean.http.post("db/schema/migrate")
    for name in ALL_QUEUES:
        with clean.queue(name) as queue:
            queue.send_message(encoded(b"{}"), visibility_timeout=NEVER_SEEN)
    assert clean.http.post(f"{path}?confirm=yes").status_code == 200
    for name in ALL_QUEUES:
        with clean.queue(name) as queue:
            assert queue.get_queue_properties().approximate_message_count == 0


def test_the_same_job_runs_anew_right_after_a_redeployment(clean: Host) -> None:
    job_id = clean.run(n=3)["job_id"]
    clean.http.post("db/schema/redeploy?confirm=yes")
    assert clean.http.get(f"jobs/status/{job_id}").status_code == 404
    again = clean.run(n=3)
    assert (again["job_id"], again["status"], again["run"]) == (job_id, "completed", 1)


def test_a_redeployment_amid_a_job_leaves_a_system_that_works(clean: Host) -> None:
    clean.submit(n=200)
    clean.wait_for_rows("select 1 from app.tasks where status = 'completed'")
    answer = clean.http.post("db/schema/redeploy?confirm=yes")
    assert answer.status_code == 200
    assert clean.run(n=5)["status"] == "completed"
    assert clean.http.get("health").json()["status"] != "unhealthy"


@pytest.mark.parametrize("path", ["db/schema/redeploy?confirm=yes", "db/schema/nuke?confirm=yes"])
def test_a_reset_survives_a_deadlock_with_a_job(clean: Host, path: str) -> None:
    before = len(clean.process.records(DEADLOCK))
    for _ in range(5):
        with suppress(psycopg.errors.DeadlockDetected):  # the server may choose this side: then once more
            assert _reset_amid_a_lock(clean, path) == 200
            break
        clean.http.post("db/schema/redeploy?confirm=yes")
    assert len(clean.process.records(DEADLOCK)) == before + 1


def _reset_amid_a_lock(host: Host, path: str) -> int:
    """The status of a reset that meets a job which holds one table and then wants the one it waits with."""
    with host.connect() as job, ThreadPoolExecutor(1) as caller:
        with job.transaction():
            job.execute("lock table app.sweeps, app.tasks, app.schema_migrations in access share mode")
            answer = caller.submit(host.http.post, path)
            taken = eventually(lambda: host.rows(TAKEN_BY_ONE_WHO_WAITS), every=0.005)[0]["name"]
            job.execute(f"lock table {taken} in access share mode".encode())
        return answer.result(30).status_code


def test_migrations_amid_a_job_do_it_no_harm(clean: Host) -> None:
    job_id = clean.submit(n=150)
    statuses = []
    while clean.status(job_id)["status"] in ("queued", "processing"):
        statuses.append(clean.http.post("db/schema/migrate").status_code)
    assert len(statuses) >= 2
    assert set(statuses) == {200}
    assert clean.status(job_id)["status"] == "completed"
    assert {(task["status"], task["attempt"]) for task in clean.tasks(job_id)} == {("completed", 1)}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "jobs/submit/hello_world"),
        ("GET", "jobs"),
        ("GET", "db/stats"),
        ("GET", f"db/tasks/{'0' * 64}"),
    ],
)
def test_without_a_schema_a_route_says_that_it_is_unavailable(clean: Host, method: str, path: str) -> None:
    assert clean.http.post("db/schema/nuke?confirm=yes").status_code == 200
    answer = clean.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert "Retry-After" in answer.headers


def test_without_a_schema_health_is_a_503_that_names_the_database(clean: Host) -> None:
    clean.http.post("db/schema/nuke?confirm=yes")
    answer = clean.http.get("health")
    assert answer.status_code == 503
    assert answer.json()["components"]["database"]["state"] == "unhealthy"
    assert clean.http.get("health/live").status_code == 200


def test_a_migration_after_a_nuke_makes_jobs_possible_again(clean: Host) -> None:
    clean.http.post("db/schema/nuke?confirm=yes")
    assert clean.http.post("db/schema/migrate").status_code == 200
    assert clean.run(n=2)["status"] == "completed"


@pytest.mark.parametrize("path", [*RESETS, "db/schema/migrate"])
def test_a_schema_route_is_no_get(clean: Host, path: str) -> None:
    assert clean.http.get(f"{path}?confirm=yes").status_code in (404, 405)
    assert clean.rows("select count(*) as found from app.jobs") == [{"found": 0}]
