"""Attempts, stages and jobs that take too long are ended, and nothing beside them is."""

from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.hosting import Host, eventually


def timed(host: Host, act: str) -> str:
    return host.submit("trial_timed", act=act, salt=uuid4().hex)


def errors(host: Host, job_id: str) -> list[dict[str, Any]]:
    """What each attempt that failed left in the audit trail."""
    rows = host.rows(
        "select details from app.job_events where job_id = %s and event = 'attempt_failed' order by event_id",
        job_id,
    )
    return [row["details"] for row in rows]


@pytest.mark.parametrize("act", ["busy", "sleep", "hold"])
def test_an_attempt_that_ignores_its_deadline_is_ended_and_tried_again(trial_host: Host, act: str) -> None:
    """``busy`` is interrupted, ``sleep`` cannot be and is abandoned, ``hold`` asks and stops by itself."""
    begun = monotonic()
    if act == "hold":
        salt = uuid4().hex
        job_id = trial_host.submit("trial_timed", act=act, salt=salt)
        trial_host.wait_for_rows("select 1 from app.tasks where job_id = %s and attempt = 2", job_id)
        trial_host.let_go(salt)
    else:
        job_id = timed(trial_host, act)
    assert trial_host.wait(job_id)["status"] == "completed"
    assert monotonic() - begun < 15
    assert [task["attempt"] for task in trial_host.tasks(job_id)] == [2]
    (error,) = errors(trial_host, job_id)
    assert (error["code"], error["error_class"]) == ("TASK_TIMED_OUT", "timed_out")


def test_other_tasks_of_the_process_go_on_beside_one_that_hangs(trial_host: Host) -> None:
    hanging = [timed(trial_host, act) for act in ("sleep", "busy")]
    trial_host.wait_for_rows(
        "select 1 from app.tasks where job_id = any(%s::char(64)[]) and status = 'processing'", hanging
    )
    other = trial_host.run("trial_fast", tasks=50, salt=uuid4().hex)
    assert other["status"] == "completed"
    assert {task["attempt"] for task in trial_host.tasks(other["job_id"])} == {1}
    assert [trial_host.wait(job_id)["status"] for job_id in hanging] == ["completed", "completed"]


def test_a_thread_that_was_abandoned_ends_with_what_it_hangs_in(trial_host: Host) -> None:
    def threads() -> int:
        return int(trial_host.http.get("trial/threads").text)

    trial_host.wait(timed(trial_host, "sleep"))
    before = threads()
    jobs = [timed(trial_host, "sleep") for _ in range(4)]
    for job_id in jobs:
        trial_host.wait(job_id)
    eventually(lambda: threads() <= before + 4, 40)


def test_attempts_that_all_reach_their_deadline_fail_the_task(trial_host: Host) -> None:
    job = trial_host.run("trial_timed", act="hold", salt=uuid4().hex)
    assert (job["status"], job["error"]["code"]) == ("failed", "TASK_TIMED_OUT")
    assert [task["attempt"] for task in trial_host.tasks(job["job_id"])] == [3]


@pytest.mark.parametrize(
    ("job_type", "code"), [("trial_short_stage", "STAGE_TIMED_OUT"), ("trial_short_job", "JOB_TIMED_OUT")]
)
class TestStagesAndJobs:
    def test_one_that_reaches_its_deadline_is_failed_by_the_sweep(
        self, trial_host: Host, job_type: str, code: str
    ) -> None:
        salt = uuid4().hex
        job_id = trial_host.submit(job_type, act="hold", tasks=300, first=1, salt=salt)
        job = eventually(lambda: _swept(trial_host, job_id))
        assert job["error"]["code"] == code
        trial_host.wait_for_no_rows(
            "select 1 from app.tasks where job_id = %s and status in ('pending', 'queued', 'processing')",
            job_id,
        )
        statuses = {task["status"] for task in trial_host.tasks(job_id)}
        assert statuses <= {"completed", "skipped", "cancelled"}

    def test_one_that_ends_in_time_is_left_alone(self, trial_host: Host, job_type: str, code: str) -> None:
        job_id = trial_host.run(job_type, salt=uuid4().hex)["job_id"]
        trial_host.execute(
            "update app.jobs set deadline = now() - interval '1 day' where job_id = %s", job_id
        )
        trial_host.sweep()
        assert trial_host.status(job_id)["status"] == "completed", code

    def test_a_retry_gives_it_its_time_anew(self, trial_host: Host, job_type: str, code: str) -> None:
        salt = uuid4().hex
        job_id = trial_host.submit(job_type, act="hold", salt=salt)
        assert eventually(lambda: _swept(trial_host, job_id))["error"]["code"] == code
        trial_host.wait_for_no_rows(
            "select 1 from app.tasks where job_id = %s and status = 'processing'", job_id
        )
        trial_host.let_go(salt)
        assert trial_host.http.post(f"jobs/{job_id}/retry").status_code == 202
        assert trial_host.wait(job_id)["status"] == "completed"


def _swept(host: Host, job_id: str) -> dict[str, Any] | None:
    host.sweep()
    status = host.status(job_id)
    return status if status["status"] == "failed" else None
