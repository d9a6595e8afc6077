"""``hello_world`` end to end: every task once, each stage with its own, fast, and failing as it should."""

from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.hosting import Host


@dataclass(frozen=True)
class Greeted:
    n: int
    message: str
    job_id: str
    status: dict[str, Any]
    tasks: list[dict[str, Any]]


@pytest.fixture(scope="module", params=[1, 2, 3, 30, 100])
def greeted(host: Host, request: pytest.FixtureRequest) -> Greeted:
    """A finished job of n greetings."""
    n, message = request.param, f"hello {uuid4().hex}"
    status = host.run(n=n, message=message)
    return Greeted(n, message, status["job_id"], status, host.tasks(status["job_id"]))


@pytest.fixture(scope="module")
def failed(host: Host) -> dict[str, Any]:
    """A finished job whose fourth greeting failed, and the three after it were held to."""
    return host.run(n=7, message=uuid4().hex, fail_at=3)


def test_the_job_completes(greeted: Greeted) -> None:
    assert greeted.status["status"] == "completed"
    assert greeted.status["progress"] == 100
    assert greeted.status["error"] is None


def test_each_stage_counts_n_tasks(greeted: Greeted) -> None:
    counts = {"expected": greeted.n, "completed": greeted.n, "failed": 0, "running": 0}
    told = ("stage", "name", "status", *counts)
    assert [{name: stage[name] for name in told} for stage in greeted.status["stages"]] == [
        {"stage": 1, "name": "greetings", "status": "completed", **counts},
        {"stage": 2, "name": "replies", "status": "completed", **counts},
    ]


def test_each_stage_tells_when_it_was_open(greeted: Greeted) -> None:
    first, second = greeted.status["stages"]
    assert first["opened_at"] < first["closed_at"] <= second["opened_at"] < second["closed_at"]


def test_the_result_holds_what_the_controller_made_of_it(greeted: Greeted) -> None:
    assert greeted.status["result_data"] == {
        "message": greeted.message,
        "greetings": greeted.n,
        "replies": greeted.n,
    }


@pytest.mark.parametrize("stage", [1, 2])
def test_a_stage_result_holds_the_tasks_of_that_stage_only(greeted: Greeted, stage: int) -> None:
    result = greeted.status["stage_results"][str(stage)]
    own = [task["task_id"] for task in greeted.tasks if task["stage"] == stage]
    assert [task["task_id"] for task in result["task_results"]] == own
    assert (result["task_count"], result["successful_tasks"]) == (greeted.n, greeted.n)
    assert (result["stage_key"], result["success_rate"]) == (str(stage), 100)


def test_each_reply_answers_its_partner(greeted: Greeted) -> None:
    replies = greeted.status["stage_results"]["2"]["task_results"]
    assert {reply["result_data"]["reply"] for reply in replies} == {
        f"heard: {greeted.message} from {number}" for number in range(greeted.n)
    }


def test_every_task_has_exactly_one_completed_attempt(host: Host, greeted: Greeted) -> None:
    assert len(greeted.tasks) == 2 * greeted.n
    assert {(task["status"], task["attempt"]) for task in greeted.tasks} == {("completed", 1)}
    events = host.rows(
        "select task_id, event from app.job_events where job_id = %s and entity = 'task'", greeted.job_id
    )
    for event in ("claimed", "completed"):
        counted = Counter(row["task_id"] for row in events if row["event"] == event)
        assert counted == {task["task_id"]: 1 for task in greeted.tasks}


def test_nothing_is_left_in_the_outbox(host: Host, greeted: Greeted) -> None:
    host.wait_for_no_rows("select 1 from app.outbox where job_id = %s", greeted.job_id)


@pytest.mark.parametrize(("n", "budget_seconds"), [(3, 2.0), (30, 4.0)])
def test_it_is_fast_from_post_to_completed(host: Host, n: int, budget_seconds: float) -> None:
    host.run(n=1, message=uuid4().hex)
    begun = monotonic()
    status = host.run(n=n, message=uuid4().hex)
    elapsed = monotonic() - begun
    assert status["status"] == "completed"
    assert elapsed < budget_seconds


def test_a_failed_task_fails_its_job_with_code_stage_and_task(failed: dict[str, Any], host: Host) -> None:
    culprit = next(task for task in host.tasks(failed["job_id"]) if task["task_index"] == "3")
    assert failed["status"] == "failed"
    assert failed["error"] == {
        "code": "HELLO_TOLD_TO_FAIL",
        "message": "greeting 3 was told to fail",
        "error_class": None,
        "stage": 1,
        "task_id": culprit["task_id"],
    }


def test_no_stage_follows_a_failed_one(failed: dict[str, Any], host: Host) -> None:
    stages = host.rows("select stage, status from app.stages where job_id = %s", failed["job_id"])
    assert [(stage["stage"], stage["status"]) for stage in stages] == [(1, "failed")]
    assert failed["result_data"] is None


def test_no_task_of_a_failed_job_is_left_unfinished(failed: dict[str, Any], host: Host) -> None:
    statuses = Counter(task["status"] for task in host.tasks(failed["job_id"]))
    assert statuses["failed"] == 1
    assert statuses.total() == 7
    assert set(statuses) <= {"completed", "failed", "skipped", "cancelled"}


def test_a_failed_job_submitted_again_is_returned_as_it_is(failed: dict[str, Any], host: Host) -> None:
    again = host.http.post("jobs/submit/hello_world", json=failed["parameters"])
    assert again.status_code == 200
    assert again.json()["created"] is False
    assert (again.json()["job_id"], again.json()["status"]) == (failed["job_id"], "failed")
    assert host.status(failed["job_id"])["run"] == 1
