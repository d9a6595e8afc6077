"""What is past its time goes, with all that is its own; the rest stays."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from schema.queues import TASK_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, encoded

CONTAINER = "geojobs-payloads"
TABLES = ("jobs", "stages", "tasks", "job_events", "outbox")
NOTHING = {"jobs": 0, "events": 0, "dead_letters": 0, "sweeps": 0, "payloads": 0}


@pytest.fixture(scope="module")
def host(module_hosts: HostFactory) -> Host:
    return module_hosts.trial(queues={"visibilityTimeout": "00:00:00"}, RETENTION_DAYS="10")


@pytest.fixture
def old_job(host: Host) -> str:
    """A job with blobs that ended eleven days ago."""
    return _job(host, days=11)


def _job(host: Host, days: int) -> str:
    job_id = host.run("trial_large", act="large", salt=uuid4().hex, seconds=60)["job_id"]
    host.wait_for_no_rows("select 1 from app.outbox where job_id = %s", job_id)
    host.execute(
        "update app.jobs set finished_at = now() - make_interval(days => %s) where job_id = %s", days, job_id
    )
    return job_id


def rows_of(host: Host, job_id: str) -> dict[str, int]:
    return {
        table: host.rows(f"select count(*) as n from app.{table} where job_id = %s", job_id)[0]["n"]  # noqa: S608 -- a constant
        for table in TABLES
    }


def blobs_of(host: Host, job_id: str) -> list[str]:
    with host.blobs() as service:
        return list(service.get_container_client(CONTAINER).list_blob_names(name_starts_with=job_id))


def clean_up(host: Host, query: str = "") -> dict[str, Any]:
    answer = host.http.post(f"db/maintenance/cleanup{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(autouse=True)
def nothing_old(host: Host) -> None:
    clean_up(host)


def test_a_dry_run_counts_and_removes_nothing(host: Host, old_job: str) -> None:
    before = rows_of(host, old_job)
    blobs = blobs_of(host, old_job)
    shown = clean_up(host, "?dry_run=true")
    assert shown == {
        **NOTHING,
        "jobs": 1,
        "events": before["job_events"],
        "payloads": len(blobs),
        "dry_run": True,
        "more": False,
    }
    assert len(blobs) >= 2
    assert rows_of(host, old_job) == before
    assert blobs_of(host, old_job) == blobs


def test_an_old_job_goes_with_all_that_is_its_own(host: Host, old_job: str) -> None:
    counted = clean_up(host, "?dry_run=true")
    removed = clean_up(host)
    assert removed == {**counted, "dry_run": False}
    assert rows_of(host, old_job) == dict.fromkeys(TABLES, 0)
    assert blobs_of(host, old_job) == []
    assert host.http.get(f"jobs/status/{old_job}").status_code == 404


def test_what_is_younger_or_under_way_stays(host: Host) -> None:
    young = _job(host, days=9)
    salt = uuid4().hex
    active = host.submit("trial_fast", act="hold", salt=salt)
    host.execute("update app.jobs set created_at = now() - interval '99 days' where job_id = %s", active)
    before = {job_id: rows_of(host, job_id)["jobs"] for job_id in (young, active)}
    assert clean_up(host) == {**NOTHING, "dry_run": False, "more": False}
    assert {job_id: rows_of(host, job_id)["jobs"] for job_id in (young, active)} == before
    assert len(blobs_of(host, young)) >= 2
    host.let_go(salt)
    host.wait(active)


def test_a_job_that_was_removed_can_be_submitted_as_a_new_one(host: Host) -> None:
    parameters = {"salt": uuid4().hex}
    job_id = host.submit("trial_fast", **parameters)
    host.wait(job_id)
    host.execute("update app.jobs set finished_at = now() - interval '11 days' where job_id = %s", job_id)
    clean_up(host)
    assert host.submit("trial_fast", **parameters) == job_id
    assert host.wait(job_id)["run"] == 1


@pytest.mark.parametrize(
    ("table", "column", "counted"),
    [("dead_letters", "last_seen_at", "dead_letters"), ("sweeps", "started_at", "sweeps")],
)
def test_old_records_go_too(
    host: Host, table: str, column: str, counted: str, make_records: Callable[[], None]
) -> None:
    make_records()
    host.execute(f"update app.{table} set {column} = now() - interval '11 days'")  # noqa: S608 -- constants
    count = host.rows(f"select count(*) as n from app.{table}")[0]["n"]  # noqa: S608 -- a constant
    assert count >= 1
    assert clean_up(host, "?dry_run=true")[counted] == count
    assert clean_up(host)[counted] == count


@pytest.fixture
def make_records(host: Host) -> Callable[[], None]:
    def make() -> None:
        host.sweep()
        with host.queue(TASK_QUEUE) as queue:
            queue.send_message(encoded(uuid4().hex.encode()))
        host.wait_for_rows("select 1 from app.dead_letters where verdict is not null")

    return make


@pytest.mark.parametrize("query", ["?dry_run=maybe", "?days=1"])
def test_a_query_that_is_none_is_refused(host: Host, query: str) -> None:
    assert host.http.post(f"db/maintenance/cleanup{query}").status_code == 400
