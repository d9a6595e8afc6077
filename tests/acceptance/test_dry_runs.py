"""Over HTTP: dry runs that try a job's first stages, and stages of several task types."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.hosting import Host


def dry_run(host: Host, job_type: str = "trial_tried", **parameters: Any) -> httpx.Response:
    body = {"salt": uuid4().hex, **parameters}
    return host.http.post(f"jobs/submit/{job_type}?dry_run=true", json=body)


def test_a_dry_run_tries_the_stages_that_may_be_tried(trial_host: Host) -> None:
    answer = dry_run(trial_host, tasks=2)
    assert answer.status_code == 200
    assert (len(answer.json()["stages"]), answer.json()["first_stage_tasks"]) == (3, 2)
    assert answer.json()["trial"] == {
        "stages_run": 2,
        "results": [{"number": 0, "received": 0}, {"number": 1, "received": 0}],
        "problem": None,
    }


def test_a_dry_run_stores_nothing_of_what_it_tries(trial_host: Host) -> None:
    job_id = dry_run(trial_host).json()["job_id"]
    assert trial_host.http.get(f"jobs/status/{job_id}").status_code == 404
    for table in ("jobs", "stages", "tasks", "job_events", "outbox"):
        assert trial_host.rows(f"select * from app.{table} where job_id = %s", job_id) == []  # noqa: S608 -- a constant


def test_what_a_job_would_fail_with_is_a_finding(trial_host: Host) -> None:
    answer = dry_run(trial_host, tasks=3, first=1, act="broken")
    assert answer.status_code == 200
    assert answer.json()["trial"] == {
        "stages_run": 0,
        "results": [],
        "problem": {
            "code": "TRIAL_BROKEN",
            "message": "broken as it was asked to be",
            "stage": 1,
            "would_fail": True,
        },
    }


def test_storage_that_is_out_of_order_is_a_finding(trial_host: Host) -> None:
    problem = dry_run(trial_host, act="read").json()["trial"]["problem"]
    assert problem["code"] in ("BLOB_UNAVAILABLE", "CIRCUIT_OPEN")
    assert not problem["would_fail"]


@pytest.mark.parametrize(
    ("act", "status", "code"), [("away", 503, "DATABASE_UNAVAILABLE"), ("surprise", 500, "INTERNAL_ERROR")]
)
def test_what_is_no_finding_is_a_problem_of_the_request(
    trial_host: Host, act: str, status: int, code: str
) -> None:
    answer = dry_run(trial_host, act=act)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_where_nothing_may_be_tried_nothing_is_run(trial_host: Host) -> None:
    assert dry_run(trial_host, "trial_fast", act="broken").json()["trial"] is None


def test_a_job_goes_through_a_mixed_and_an_empty_stage(trial_host: Host) -> None:
    job = trial_host.run("trial_mixed", tasks=2, salt=uuid4().hex)
    assert (job["status"], job["result_data"]) == ("completed", {"tasks": 6})
    tasks = trial_host.tasks(job["job_id"])
    assert [(task["stage"], task["task_type"]) for task in tasks] == [
        (1, "trial_mark"),
        (1, "trial"),
        (1, "trial"),
        *[(3, "trial_mark")] * 3,
    ]
    assert [task["result"]["mark"] for task in tasks[3:]] == ["trial_mark", "trial", "trial"]


def test_a_mixed_stage_shows_its_types(trial_host: Host) -> None:
    described = trial_host.http.get("job-types/trial_mixed").json()["stages"]
    planned = dry_run(trial_host, "trial_mixed").json()["stages"]
    for stages in (described, planned):
        assert [(stage["task_type"], stage["task_types"]) for stage in stages] == [
            ("trial", ["trial", "trial_mark"]),
            ("trial", ["trial"]),
            ("trial_mark", ["trial_mark"]),
        ]


def test_the_trail_tells_the_types_of_a_mixed_stage(trial_host: Host) -> None:
    job_id = trial_host.run("trial_mixed", tasks=1, salt=uuid4().hex)["job_id"]
    events = trial_host.http.get(f"jobs/{job_id}/events?entity=stage").json()["events"]
    opened = [event["reason"] for event in events if event["event"] == "opened"]
    assert opened[0] == "2 tasks of type trial or trial_mark"
