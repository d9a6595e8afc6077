"""Crash places 18, 19 and 20: messages that nobody survives, and what ends while it is cancelled."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from schema.queues import ALL_QUEUES
from tests.acceptance.hosting import eventually
from tests.faults.jobs import FRAGILE, FRAGILE_ATTEMPTS, STURDY
from tests.faults.points import Action
from tests.faults.trial import Trial, id_of

_DELIVERIES = 3


def one_task(job_type: str = STURDY, **parameters: object) -> tuple[str, dict[str, object]]:
    body = {"tasks": 1, "stages": 1, "salt": uuid4().hex, **parameters}
    return id_of(job_type, body), body


def wait_for_verdicts(trial: Trial, job_id: str) -> list[str]:
    """The verdicts on all messages of the job, once all poison messages are judged."""
    eventually(
        lambda: (
            trial.rows("select 1 from app.dead_letters where job_id = %s and verdict is not null", job_id)
            and trial.is_empty(*ALL_QUEUES)
        )
    )
    rows = trial.rows("select verdict from app.dead_letters where job_id = %s order by 1", job_id)
    return [row["verdict"] for row in rows]


def test_18_a_message_that_crashes_its_worker_every_time_fails_its_task(redelivered_once: Trial) -> None:
    trial = redelivered_once
    job_id, body = one_task()
    trial.arm("tasks.claim:begin", job_id, times=_DELIVERIES)
    trial.submit(**body)
    while trial.is_armed("tasks.claim:begin"):
        trial.restart_after_death()
    assert trial.wait(job_id) == "failed"
    (task,) = trial.tasks(job_id)
    assert (task["status"], task["error"]["code"], task["attempt"]) == ("failed", "UNHANDLED_POISON", 0)
    assert "unhandled" in wait_for_verdicts(trial, job_id)
    judged = trial.process.records("poison message was judged", job_id=job_id, verdict="unhandled")
    assert [record["level"] for record in judged] == ["CRITICAL"]


def test_18_a_handler_that_crashes_its_worker_every_time_runs_out_of_attempts(swept: Trial) -> None:
    job_id, body = one_task(FRAGILE)
    swept.arm("handler:begin", job_id, times=FRAGILE_ATTEMPTS)
    swept.submit(FRAGILE, **body)
    for _ in range(FRAGILE_ATTEMPTS):
        swept.restart_after_death()
    assert swept.wait(job_id) == "failed"
    (task,) = swept.tasks(job_id)
    assert (task["status"], task["error"]["code"], task["attempt"]) == (
        "failed",
        "LEASE_EXPIRED",
        FRAGILE_ATTEMPTS,
    )


def test_19_between_copying_a_message_to_the_poison_queue_and_deleting_it(redelivered_once: Trial) -> None:
    trial = redelivered_once
    job_id, body = one_task()
    trial.arm("tasks.claim:begin", job_id, times=20, action=Action.RAISE)
    trial.arm("host.poison:committed")
    trial.submit(**body)
    trial.restart_after_death()
    assert trial.wait(job_id) == "failed"
    assert set(wait_for_verdicts(trial, job_id)) <= {"unhandled", "expected"}
    assert len(trial.events(job_id, "task", "failed")) == 1
    assert len(trial.events(job_id, "job", "failed")) == 1


def test_20_cancel_and_finish_at_once(swept: Trial) -> None:
    jobs = [swept.submit(tasks=2, stages=1, work_ms=150) for _ in range(8)]
    together = threading.Barrier(4)

    def cancel(job_id: str) -> None:
        eventually(lambda: swept.executed(job_id))
        together.wait(20)
        answer = swept.http.post(f"jobs/{job_id}/cancel")
        assert answer.status_code in (200, 202, 409), answer.text

    with ThreadPoolExecutor(4) as callers:
        list(callers.map(cancel, jobs))
    for job_id in jobs:
        status = swept.wait(job_id)
        assert status in ("completed", "cancelled")
        assert_ended_once(swept, job_id, status)


def test_20_the_host_dies_after_a_cancellation_commits(swept: Trial) -> None:
    job_id = swept.submit(tasks=8, stages=1, work_ms=300)
    eventually(lambda: swept.executed(job_id))
    swept.arm("jobs.cancel:committed", job_id)
    swept.post_and_die(f"jobs/{job_id}/cancel")
    assert swept.wait(job_id) == "cancelled"
    assert_ended_once(swept, job_id, "cancelled")


def test_20_the_host_dies_before_a_cancellation_commits(swept: Trial) -> None:
    job_id = swept.submit(tasks=8, stages=1, work_ms=300)
    eventually(lambda: swept.executed(job_id))
    swept.arm("jobs.cancel:commit", job_id)
    swept.post_and_die(f"jobs/{job_id}/cancel")
    assert swept.wait(job_id) == "completed"
    assert_ended_once(swept, job_id, "completed")


def assert_ended_once(trial: Trial, job_id: str, status: str) -> None:
    """The job, its stage and each of its tasks come to one end each, and none is left behind."""
    final = ("completed", "failed", "skipped", "cancelled")
    eventually(lambda: all(task["status"] in final for task in trial.tasks(job_id)))
    ends = trial.rows(
        "select entity, task_id, count(*) as times from app.job_events where job_id = %s"
        " and to_status in ('completed', 'failed', 'skipped', 'cancelled') group by 1, 2",
        job_id,
    )
    assert {row["times"] for row in ends} == {1}
    if status == "completed":
        assert {task["status"] for task in trial.tasks(job_id)} == {"completed"}
    assert trial.rows("select status::text as status from app.stages where job_id = %s", job_id) == [
        {"status": status}
    ]
