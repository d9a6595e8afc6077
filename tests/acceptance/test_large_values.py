"""Values over 1 MB live in the payload container; rows refer to them, and messages know nothing of them."""

import json
from typing import Any
from uuid import uuid4

import pytest

from schema.queues import TASK_QUEUE
from tests.acceptance.hosting import Host, decoded, eventually

CONTAINER = "geojobs-payloads"
LARGE = 1_200_000


def stored(host: Host, reference: str) -> Any:
    with host.blobs() as service:
        return json.loads(service.get_blob_client(CONTAINER, reference).download_blob().readall())


@pytest.fixture(scope="module")
def job(trial_host: Host) -> dict[str, Any]:
    """A job whose first stage's tasks take and leave large values, which the second one's read."""
    ended = trial_host.run("trial_large", act="large", tasks=2, payload=LARGE, salt=uuid4().hex, seconds=60)
    assert ended["status"] == "completed", ended["error"]
    return ended


def test_parameters_are_kept_outside_and_reach_the_handler(trial_host: Host, job: dict[str, Any]) -> None:
    first = trial_host.tasks(job["job_id"])[0]
    assert first["parameters"] == {}
    assert len(stored(trial_host, first["parameters_ref"])["payload"]) == LARGE
    assert stored(trial_host, first["result_ref"])["received"] == LARGE


def test_results_are_kept_outside_and_reach_the_next_stage(trial_host: Host, job: dict[str, Any]) -> None:
    first, _, echo, _ = trial_host.tasks(job["job_id"])
    assert (first["result"], first["result_ref"].split("/")[0]) == (None, job["job_id"])
    assert len(stored(trial_host, first["result_ref"])["text"]) == 1_500_000
    assert echo["result"] == {"number": 0, "received": 1_500_000}


def test_a_jobs_result_is_kept_outside_and_its_row_says_where(trial_host: Host, job: dict[str, Any]) -> None:
    (row,) = trial_host.rows("select result, result_ref from app.jobs where job_id = %s", job["job_id"])
    assert row["result"] is None
    assert stored(trial_host, row["result_ref"])["tasks"] == 4


def test_no_row_is_large(trial_host: Host, job: dict[str, Any]) -> None:
    for table in ("jobs", "stages", "tasks", "job_events", "outbox"):
        rows = trial_host.rows(
            f"select coalesce(max(pg_column_size(t.*)), 0) as size from app.{table} t"  # noqa: S608 -- a constant
            " where job_id = %s",
            job["job_id"],
        )
        assert rows[0]["size"] < 10_000, table


def test_small_values_stay_in_their_rows(trial_host: Host) -> None:
    job_id = trial_host.run("trial_fast", tasks=1, payload=1_000, salt=uuid4().hex)["job_id"]
    (task,) = trial_host.tasks(job_id)
    assert (task["parameters_ref"], task["result_ref"]) == (None, None)
    assert task["result"]["received"] == 1_000


def test_messages_stay_small(trial_host: Host) -> None:
    salt = uuid4().hex
    job_id = trial_host.submit("trial_fast", act="hold", tasks=40, payload=LARGE, salt=salt)
    with trial_host.queue(TASK_QUEUE) as queue:
        messages = eventually(lambda: queue.peek_messages(max_messages=32), 60)
        assert max(len(message.content) for message in messages) <= 1_024
        assert job_id in {json.loads(decoded(message.content))["job_id"] for message in messages}
    trial_host.let_go(salt)
    trial_host.wait(job_id, 60)


def test_a_second_run_does_not_touch_what_the_first_one_left(trial_host: Host, job: dict[str, Any]) -> None:
    before = trial_host.tasks(job["job_id"])[0]
    trial_host.http.post(f"jobs/{job['job_id']}/rerun")
    eventually(
        lambda: (status := trial_host.status(job["job_id"]))["run"] == 2 and status["progress"] == 100, 60
    )
    first, second = (
        trial_host.rows(
            "select result_ref from app.tasks where job_id = %s and run = %s and stage = 1 and position = 0",
            job["job_id"],
            run,
        )[0]
        for run in (1, 2)
    )
    assert first["result_ref"] == before["result_ref"] != second["result_ref"]
    assert len(stored(trial_host, first["result_ref"])["text"]) == 1_500_000
