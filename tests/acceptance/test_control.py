"""Cancel, retry and re-run over HTTP: from every state, and what they do to the tasks."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from schema.queues import TASK_QUEUE
from tests.acceptance.hosting import Host, decoded, eventually

N = 1_000
BROKEN = 10
ACTIONS = ("cancel", "retry", "rerun")
UNKNOWN = "0123456789abcdef" * 4
# What each route answers from each state, and the state that follows where it does something.
ANSWERS = [
    ("queued", "cancel", 202),
    ("queued", "retry", 409),
    ("queued", "rerun", 409),
    ("processing", "cancel", 202),
    ("processing", "retry", 409),
    ("processing", "rerun", 409),
    ("completed", "cancel", 409),
    ("completed", "retry", 409),
    ("completed", "rerun", 202),
    ("completed_with_errors", "cancel", 409),
    ("completed_with_errors", "retry", 409),
    ("completed_with_errors", "rerun", 202),
    ("failed", "cancel", 409),
    ("failed", "retry", 202),
    ("failed", "rerun", 202),
    ("cancelled", "cancel", 202),
    ("cancelled", "retry", 202),
    ("cancelled", "rerun", 202),
]


@dataclass
class Told:
    """A job in a state of the test's choice."""

    host: Host
    salt: str
    job_id: str

    def tell(self, action: str) -> int:
        return self.host.http.post(f"jobs/{self.job_id}/{action}").status_code

    def row(self) -> dict[str, Any]:
        return self.host.rows("select * from app.jobs where job_id = %s", self.job_id)[0]

    def statuses(self) -> Counter[str]:
        return Counter(task["status"] for task in self.host.tasks(self.job_id))


def held(host: Host, job_type: str = "trial_fast", **parameters: Any) -> Told:
    """A job with at least one task that runs until it is let go."""
    salt = uuid4().hex
    told = Told(host, salt, host.submit(job_type, act="hold", salt=salt, **parameters))
    host.wait_for_rows("select 1 from app.tasks where job_id = %s and status = 'processing'", told.job_id)
    return told


@pytest.fixture
def in_state(trial_host: Host) -> Iterator[Any]:
    made: list[Told] = []

    def make(state: str) -> Told:
        salt = uuid4().hex
        made.append(told := _in_state(trial_host, state, salt))
        return told

    yield make
    for told in made:
        told.host.let_go(told.salt)
        told.host.execute("delete from app.jobs where job_id = %s", told.job_id)


def _in_state(host: Host, state: str, salt: str) -> Told:
    if state in ("processing", "cancelled"):
        told = held(host)
        if state == "cancelled":
            assert told.tell("cancel") == 202
            host.wait_for_no_rows(
                "select 1 from app.tasks where job_id = %s and status = 'processing'", told.job_id
            )
        return told
    job_types = {"failed": "trial_fast", "completed_with_errors": "trial_tolerant"}
    act = "broken" if state in job_types else "work"
    job_id = host.submit(job_types.get(state, "trial_fast"), act=act, tasks=2, first=1, salt=salt)
    host.wait(job_id)
    if state == "queued":
        _put_back(host, job_id)
    return Told(host, salt, job_id)


def _put_back(host: Host, job_id: str) -> None:
    """As if its first message were still on its way."""
    host.execute("alter table app.jobs disable trigger jobs_transition")
    host.execute("update app.jobs set status = 'queued', finished_at = null where job_id = %s", job_id)
    host.execute("alter table app.jobs enable trigger jobs_transition")
    host.execute("delete from app.stages where job_id = %s", job_id)


@pytest.mark.parametrize(("state", "action", "status"), ANSWERS)
def test_a_state_allows_what_it_allows(in_state: Any, state: str, action: str, status: int) -> None:
    told = in_state(state)
    assert told.row()["status"] == state
    answer = told.host.http.post(f"jobs/{told.job_id}/{action}")
    assert answer.status_code == status, answer.text
    if status == 202:
        assert answer.headers["Location"] == f"/api/jobs/status/{told.job_id}"
        assert answer.json()["run"] == (2 if action == "rerun" else 1)
    else:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "JOB_STATE_CONFLICT"
        assert state in answer.json()["detail"]
        assert told.row()["status"] == state


@pytest.mark.parametrize("action", ACTIONS)
def test_an_unknown_job_is_not_found(trial_host: Host, action: str) -> None:
    answer = trial_host.http.post(f"jobs/{UNKNOWN}/{action}")
    assert (answer.status_code, answer.json()["code"]) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_id_that_is_none_is_refused(trial_host: Host, action: str) -> None:
    answer = trial_host.http.post(f"jobs/nonsense/{action}")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_IDENTIFIER")


@pytest.mark.parametrize("action", ACTIONS)
def test_an_unknown_parameter_is_refused(trial_host: Host, action: str) -> None:
    assert trial_host.http.post(f"jobs/{UNKNOWN}/{action}?force=true").status_code == 400


@pytest.mark.parametrize("reason", ["a%00b", "x" * 201])
def test_a_reason_that_cannot_be_kept_is_refused(trial_host: Host, reason: str) -> None:
    assert trial_host.http.post(f"jobs/{UNKNOWN}/cancel?reason={reason}").status_code == 400


class TestCancel:
    def test_what_waits_never_starts_and_what_runs_is_told_to_stop(self, trial_host: Host) -> None:
        told = held(trial_host, tasks=300)
        assert told.tell("cancel") == 202
        assert trial_host.status(told.job_id)["status"] == "cancelled"
        trial_host.wait_for_no_rows(
            "select 1 from app.tasks where job_id = %s and status in ('pending', 'queued', 'processing')",
            told.job_id,
            seconds=60,
        )
        assert told.statuses() == {"cancelled": 300}
        started = [task for task in trial_host.tasks(told.job_id) if task["attempt"] > 0]
        assert 1 <= len(started) <= 30

    def test_the_reason_is_told_in_status_and_events(self, trial_host: Host) -> None:
        told = held(trial_host)
        trial_host.http.post(f"jobs/{told.job_id}/cancel?reason=wrong%20input")
        assert trial_host.status(told.job_id)["error"]["message"] == "wrong input"
        events = trial_host.rows(
            "select details from app.job_events where job_id = %s and event = 'cancelled' and entity = 'job'",
            told.job_id,
        )
        assert [event["details"]["code"] for event in events] == ["JOB_CANCELLED"]

    def test_again_is_no_error_and_no_second_event(self, trial_host: Host) -> None:
        told = held(trial_host)
        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(lambda _: told.tell("cancel"), range(8)))
        assert answers == [202] * 8
        events = trial_host.rows(
            "select 1 from app.job_events where job_id = %s and entity = 'job' and event = 'cancelled'",
            told.job_id,
        )
        assert len(events) == 1


class TestRetry:
    def test_a_failed_stage_of_1000_runs_only_what_failed_or_never_started(self, trial_host: Host) -> None:
        salt = uuid4().hex
        job_id = trial_host.submit("trial_fast", act="broken", tasks=N, first=N - BROKEN, salt=salt)
        told = Told(trial_host, salt, job_id)
        assert trial_host.wait(job_id, 90)["status"] == "failed"
        trial_host.wait_for_no_rows(
            "select 1 from app.tasks where job_id = %s and status = 'processing'", job_id
        )
        before = {task["task_id"]: task for task in trial_host.tasks(job_id)}
        completed = {key for key, task in before.items() if task["status"] == "completed"}
        assert len(completed) >= N // 2
        trial_host.let_go(salt)
        assert told.tell("retry") == 202
        assert trial_host.wait(job_id, 60)["status"] == "completed"
        after = {task["task_id"]: task for task in trial_host.tasks(job_id)}
        assert {task["status"] for task in after.values()} == {"completed"}
        for task_id, task in after.items():
            expected = before[task_id]["attempt"] + (0 if task_id in completed else 1)
            assert task["attempt"] == expected, task["status"]
        assert {after[key]["finished_at"] == before[key]["finished_at"] for key in completed} == {True}

    def test_a_cancelled_job_goes_on_where_it_was_stopped(self, trial_host: Host) -> None:
        told = held(trial_host, tasks=5, first=3)
        trial_host.wait_for_rows(
            "select 1 from app.tasks where job_id = %s and status = 'completed' having count(*) = 3",
            told.job_id,
        )
        told.tell("cancel")
        trial_host.let_go(told.salt)
        assert told.tell("retry") == 202
        assert trial_host.wait(told.job_id, 60)["status"] == "completed"
        tasks = trial_host.tasks(told.job_id)
        assert [task["attempt"] for task in tasks[:3]] == [1, 1, 1]
        assert told.row()["run"] == 1

    def test_a_retry_that_fails_again_can_be_retried_again(self, trial_host: Host) -> None:
        salt = uuid4().hex
        told = Told(trial_host, salt, trial_host.submit("trial_fast", act="broken", salt=salt))
        for _ in range(2):
            assert trial_host.wait(told.job_id)["status"] == "failed"
            assert told.tell("retry") == 202
        trial_host.wait(told.job_id)
        trial_host.let_go(salt)
        told.tell("retry")
        assert trial_host.wait(told.job_id)["status"] == "completed"

    def test_of_many_retries_at_once_one_is_taken(self, trial_host: Host) -> None:
        salt = uuid4().hex
        told = Told(trial_host, salt, trial_host.submit("trial_fast", act="broken", salt=salt))
        trial_host.wait(told.job_id)
        trial_host.execute("delete from app.job_events where job_id = %s", told.job_id)
        trial_host.let_go(salt)
        with ThreadPoolExecutor(8) as callers:
            answers = Counter(callers.map(lambda _: told.tell("retry"), range(8)))
        assert answers == {202: 1, 409: 7}
        assert trial_host.wait(told.job_id)["status"] == "completed"


class TestRerun:
    def test_a_new_run_starts_from_the_first_stage_and_the_old_one_stays(self, trial_host: Host) -> None:
        salt = uuid4().hex
        job_id = trial_host.submit("trial_fast", tasks=3, salt=salt)
        trial_host.wait(job_id)
        assert trial_host.http.post(f"jobs/{job_id}/rerun").status_code == 202
        status = eventually(lambda: _completed(trial_host, job_id))
        assert status["run"] == 2
        tasks = trial_host.tasks(job_id)
        assert Counter((task["run"], task["status"]) for task in tasks) == {
            (1, "completed"): 3,
            (2, "completed"): 3,
        }

    def test_submitting_it_again_still_finds_the_same_job(self, trial_host: Host) -> None:
        parameters = {"tasks": 1, "salt": uuid4().hex}
        job_id = trial_host.submit("trial_fast", **parameters)
        trial_host.wait(job_id)
        trial_host.http.post(f"jobs/{job_id}/rerun")
        answer = trial_host.http.post("jobs/submit/trial_fast", json=parameters)
        assert (answer.status_code, answer.json()["created"], answer.json()["run"]) == (200, False, 2)

    def test_the_new_run_is_traced_by_its_own_correlation_id(self, trial_host: Host) -> None:
        job_id = trial_host.submit("trial_fast", salt=uuid4().hex)
        trial_host.wait(job_id)
        correlation_id = uuid4().hex
        trial_host.http.post(f"jobs/{job_id}/rerun", headers={"X-Correlation-ID": correlation_id})
        eventually(lambda: _completed(trial_host, job_id))
        assert trial_host.status(job_id)["correlation_id"] == correlation_id


def _completed(host: Host, job_id: str) -> dict[str, Any] | None:
    status = host.status(job_id)
    return status if status["status"] == "completed" and status["run"] == 2 else None


class TestPriority:
    @pytest.mark.parametrize(("name", "number"), [("high", 0), ("normal", 1), ("low", 2)])
    def test_a_priority_is_kept(self, trial_host: Host, name: str, number: int) -> None:
        answer = trial_host.http.post(f"jobs/submit/trial_fast?priority={name}", json={"salt": uuid4().hex})
        rows = trial_host.rows("select priority from app.jobs where job_id = %s", answer.json()["job_id"])
        assert [row["priority"] for row in rows] == [number]

    def test_without_one_it_is_normal(self, trial_host: Host) -> None:
        job_id = trial_host.submit("trial_fast", salt=uuid4().hex)
        assert trial_host.rows("select priority from app.jobs where job_id = %s", job_id) == [{"priority": 1}]

    @pytest.mark.parametrize("name", ["urgent", "0", "HIGH"])
    def test_an_unknown_one_is_refused(self, trial_host: Host, name: str) -> None:
        answer = trial_host.http.post(f"jobs/submit/trial_fast?priority={name}", json={"salt": "a"})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == "?priority"

    def test_it_is_no_part_of_the_identity(self, trial_host: Host) -> None:
        parameters = {"salt": uuid4().hex}
        first = trial_host.http.post("jobs/submit/trial_fast?priority=low", json=parameters).json()
        second = trial_host.http.post("jobs/submit/trial_fast?priority=high", json=parameters).json()
        assert (first["job_id"], first["created"]) == (second["job_id"], not second["created"])

    def test_a_job_of_low_priority_has_a_quarter_of_the_window(self, trial_host: Host) -> None:
        answer = trial_host.http.post(
            "jobs/submit/trial_fast?priority=low",
            json={"tasks": 400, "act": "hold", "salt": (salt := uuid4().hex)},
        )
        job_id = answer.json()["job_id"]
        trial_host.wait_for_rows("select 1 from app.tasks where job_id = %s", job_id)
        rows = trial_host.rows(
            "select count(*) as n from app.tasks where job_id = %s and status <> 'pending'", job_id
        )
        assert rows == [{"n": 50}]
        trial_host.let_go(salt)
        trial_host.wait(job_id, 60)


def test_no_more_tasks_of_a_limited_job_type_run_than_it_allows(trial_host: Host) -> None:
    salt = uuid4().hex
    jobs = [trial_host.submit("trial_one_at_a_time", act="hold", tasks=tasks, salt=salt) for tasks in (2, 3)]
    running = (
        "select count(*) as n from app.tasks where job_id = any(%s::char(64)[]) and status = 'processing'"
    )
    trial_host.wait_for_rows(
        "select 1 from app.tasks where job_id = any(%s::char(64)[]) and status = 'processing'", jobs
    )
    trial_host.wait_for_rows(
        "select 1 from app.tasks where job_id = any(%s::char(64)[]) and not_before > now()", jobs
    )
    assert trial_host.rows(running, jobs) == [{"n": 1}]
    trial_host.let_go(salt)
    assert {trial_host.wait(job_id, 60)["status"] for job_id in jobs} == {"completed"}
    assert {task["attempt"] for job_id in jobs for task in trial_host.tasks(job_id)} == {1}


def test_messages_of_a_retried_stage_name_the_next_attempt(trial_host: Host) -> None:
    salt = uuid4().hex
    told = Told(trial_host, salt, trial_host.submit("trial_fast", act="broken", salt=salt))
    trial_host.wait(told.job_id)
    trial_host.let_go(salt)
    with trial_host.queue(TASK_QUEUE) as queue:
        told.tell("retry")
        trial_host.wait(told.job_id)
        assert [decoded(message.content) for message in queue.peek_messages(32)] == []
    assert [task["attempt"] for task in trial_host.tasks(told.job_id)] == [2]
