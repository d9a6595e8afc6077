"""The audit trail of jobs that really ran, and the time that they still take."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.hosting import Host, eventually


def pages(host: Host, job_id: str, **query: Any) -> Iterator[dict[str, Any]]:
    """All pages of the trail of a job that has ended."""
    while True:
        answer = host.http.get(f"jobs/{job_id}/events", params=query)
        assert answer.status_code == 200, answer.text
        yield answer.json()
        if answer.json()["complete"]:
            return
        query["cursor"] = answer.json()["next_cursor"]


def events(host: Host, job_id: str, **query: Any) -> list[dict[str, Any]]:
    return [event for page in pages(host, job_id, **query) for event in page["events"]]


@pytest.fixture(scope="module")
def ended(host: Host) -> str:
    return host.run("hello_world", n=5, message=uuid4().hex)["job_id"]


def test_every_task_is_seen_from_its_claim_to_its_end(host: Host, ended: str) -> None:
    trail = events(host, ended)
    tasks = {event["task_id"] for event in trail if event["entity"] == "task"}
    moves = {(event["task_id"], event["event"]) for event in trail if event["entity"] == "task"}
    assert tasks == {task["task_id"] for task in host.tasks(ended)}
    assert {(task, move) for task in tasks for move in ("claimed", "completed")} <= moves


def test_a_trail_begins_with_the_submission_and_ends_with_the_jobs_end(host: Host, ended: str) -> None:
    trail = events(host, ended)
    assert (trail[0]["entity"], trail[0]["event"], trail[0]["from_status"]) == ("job", "submitted", None)
    assert (trail[-1]["entity"], trail[-1]["event"], trail[-1]["to_status"]) == (
        "job",
        "completed",
        "completed",
    )
    assert all(event["actor"] and event["reason"] for event in trail)


def test_small_pages_give_the_same_trail(host: Host, ended: str) -> None:
    assert events(host, ended, limit=3) == events(host, ended)


def test_a_running_jobs_trail_goes_on_behind_its_cursor(trial_host: Host) -> None:
    salt = uuid4().hex
    job_id = trial_host.submit("trial_fast", act="hold", tasks=2, salt=salt)
    try:
        claimed = "select 1 from app.tasks where job_id = %s and status = 'processing' having count(*) = 2"
        trial_host.wait_for_rows(claimed, job_id)
        first = trial_host.http.get(f"jobs/{job_id}/events").json()
        assert not first["complete"]
        behind = {"cursor": first["next_cursor"]}
        nothing_new = trial_host.http.get(f"jobs/{job_id}/events", params=behind).json()
        assert (nothing_new["events"], nothing_new["next_cursor"]) == ([], first["next_cursor"])
    finally:
        trial_host.let_go(salt)
    trial_host.wait(job_id)
    later = events(trial_host, job_id, **behind)
    assert [event["event"] for event in later][-1] == "completed"
    assert first["events"] + later == events(trial_host, job_id)


def test_a_failure_and_a_cancellation_say_why(trial_host: Host) -> None:
    failed = trial_host.run("trial_fast", act="broken", tasks=1, salt=uuid4().hex)["job_id"]
    reasons = {event["reason"] for event in events(trial_host, failed) if event["event"] == "failed"}
    assert "TRIAL_BROKEN: broken as it was asked to be" in reasons
    salt = uuid4().hex
    cancelled = trial_host.submit("trial_fast", act="hold", tasks=1, salt=salt)
    trial_host.http.post(f"jobs/{cancelled}/cancel", params={"reason": "wrong file"})
    trial_host.let_go(salt)
    eventually(lambda: trial_host.http.get(f"jobs/{cancelled}/events").json()["complete"])
    (of_job,) = [
        event for event in events(trial_host, cancelled, entity="job") if event["event"] == "cancelled"
    ]
    assert (of_job["reason"], of_job["details"]["code"]) == ("wrong file", "JOB_CANCELLED")


def test_a_job_under_way_tells_how_long_it_still_takes(trial_host: Host) -> None:
    salt = uuid4().hex
    job_id = trial_host.submit("trial_fast", act="hold", tasks=4, first=2, salt=salt)
    try:
        done = eventually(
            lambda: (
                (status := trial_host.status(job_id))["stages"]
                and status["stages"][0]["completed"] == 2
                and status
            )
        )
        assert done["estimated_seconds_left"] >= 0
        assert done["stages"][0]["opened_at"] is not None
        assert done["stages"][0]["closed_at"] is None
    finally:
        trial_host.let_go(salt)
    assert trial_host.wait(job_id)["estimated_seconds_left"] is None
