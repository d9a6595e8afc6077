"""A kill -9 of the host at each numbered crash place of the protocol, with other jobs under way.

The numbers are those of the table of crash places in ``docs/protocol.md``. The host is started again as a
platform would; then every job must reach its end with every task's effect applied once.
"""

from collections.abc import Iterator
from typing import LiteralString
from uuid import uuid4

import pytest

from tests.acceptance.hosting import eventually
from tests.faults.conftest import TrialFactory
from tests.faults.jobs import STURDY, WINDOW
from tests.faults.points import Action
from tests.faults.trial import Trial, assert_complete, assert_done_once, id_of

TASKS, STAGES = 8, 2

_CUT_OFF: LiteralString = """
alter function app.close_stage rename to close_stage_itself;
create function app.close_stage(p_job_id char(64), p_run integer, p_stage integer) returns jsonb
language plpgsql as $$
begin
    if exists (select from trial.cut_off where job_id = p_job_id) then
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(60);
    end if;
    return app.close_stage_itself(p_job_id, p_run, p_stage);
end $$;
"""
_RESTORED: LiteralString = """
drop function app.close_stage;
alter function app.close_stage_itself rename to close_stage;
truncate trial.cut_off;
"""


def crash(trial: Trial, point: str, *, skip: int = 0, tasks: int = TASKS, others: int = 1) -> list[str]:
    """Kill the host where a new job reaches the point, and start it again; the ids of all jobs under way."""
    under_way = [trial.submit(tasks=TASKS, stages=STAGES, work_ms=50) for _ in range(others)]
    body = {"tasks": tasks, "stages": STAGES, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    trial.arm(point, job_id, skip=skip)
    assert trial.submit(**body) == job_id
    trial.restart_after_death()
    return [*under_way, job_id]


def crash_alone(trial: Trial, point: str, *, skip: int = 0) -> list[str]:
    """The same with one task at a time: where nothing sweeps, a lease that another task held would stay."""
    return crash(trial, point, skip=skip, tasks=1, others=0)


def test_01_before_submit_commits_nothing_remains_and_the_caller_repeats(swept: Trial) -> None:
    body = {"tasks": TASKS, "stages": STAGES, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    swept.arm("jobs.submit:commit", job_id)
    swept.submit(**body)
    swept.restart_after_death()
    assert swept.rows("select 1 from app.jobs where job_id = %s", job_id) == []
    assert swept.submit(**body) == job_id
    assert_complete(swept, [job_id])


def test_02_after_submit_commits_before_the_send(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "jobs.submit:committed"))


def test_03_after_a_job_message_is_sent_before_its_outbox_row_is_deleted(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "queue.send_job:committed"))


def test_03_after_a_task_message_is_sent_before_its_outbox_row_is_deleted(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "queue.send_task:committed", skip=2))


def test_04_in_plan_before_its_commit_swept(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "stages.open:commit"))


def test_04_in_plan_before_its_commit_redelivered(redelivered: Trial) -> None:
    assert_complete(redelivered, crash_alone(redelivered, "stages.open:commit"))


@pytest.mark.parametrize("sent", [0, WINDOW // 2, WINDOW - 1])
def test_05_after_plan_commits_before_any_some_or_the_last_of_the_sends(swept: Trial, sent: int) -> None:
    assert_complete(swept, crash(swept, "queue.send_task:begin", skip=sent))


def test_06_after_plan_commits_before_the_message_is_acknowledged(redelivered: Trial) -> None:
    assert_complete(redelivered, crash_alone(redelivered, "driver.handle:committed"))


def test_07_before_claim_commits_swept(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "tasks.claim:commit", skip=2))


def test_07_before_claim_commits_redelivered(redelivered: Trial) -> None:
    assert_complete(redelivered, crash_alone(redelivered, "tasks.claim:commit"))


def test_08_in_the_handler(swept: Trial) -> None:
    jobs = crash(swept, "handler:begin", skip=2)
    assert_complete(swept, jobs)
    lost = swept.events(jobs[-1], "task", "lease_expired")
    assert {event["details"]["code"] for event in lost} == {"LEASE_EXPIRED"}


def test_09_a_worker_wakes_after_its_lease_went_to_another(start_trial: TrialFactory) -> None:
    sleeper = start_trial()
    body = {"tasks": 1, "stages": 1, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    sleeper.arm("handler:committed", job_id, action=Action.STOP)
    sleeper.submit(**body)
    sleeper.wait_until_struck("handler:committed")
    other = start_trial(beside=sleeper)
    assert_complete(other, [job_id])
    before = other.tasks(job_id)
    assert before[0]["attempt"] == 2
    sleeper.resume()
    eventually(
        lambda: (
            sleeper.process.records("attempt finished", outcome="lost")
            or sleeper.process.records("attempt abandoned, its lease is lost")
        )
    )
    assert other.tasks(job_id) == before
    assert_done_once(other, job_id)


def test_10_the_effect_is_done_before_finish_commits(swept: Trial) -> None:
    jobs = crash(swept, "tasks.finish:begin", skip=1)
    assert_complete(swept, jobs)
    again = swept.rows(
        "select e.writes from trial.effects e join app.tasks t using (task_id) where t.job_id = %s", jobs[-1]
    )
    assert max(row["writes"] for row in again) == 2


@pytest.fixture
def cut_off_swept(swept: Trial) -> Iterator[Trial]:
    yield from _cut_off(swept)


@pytest.fixture
def cut_off_redelivered(redelivered: Trial) -> Iterator[Trial]:
    yield from _cut_off(redelivered)


def _cut_off(trial: Trial) -> Iterator[Trial]:
    """The server's process dies between the two transactions of Finish, and the host with it."""
    trial.execute("create table if not exists trial.cut_off (job_id text)")
    trial.execute(_CUT_OFF)
    yield trial
    if trial.rows("select 1 from pg_proc where proname = 'close_stage_itself'"):
        trial.execute(_RESTORED)


def _crash_before_close(trial: Trial) -> str:
    body = {"tasks": 1, "stages": STAGES, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    trial.execute("insert into trial.cut_off values (%s)", job_id)
    trial.arm("tasks.finish:broken")
    trial.submit(**body)
    trial.process.process.wait(30)
    assert trial.value("select status::text from app.tasks where job_id = %s", job_id) == "completed"
    assert trial.value("select status::text from app.stages where job_id = %s", job_id) == "open"
    trial.execute(_RESTORED)
    trial.restart_after_death()
    return job_id


def test_11_after_finish_commits_before_close_swept(cut_off_swept: Trial) -> None:
    assert_complete(cut_off_swept, [_crash_before_close(cut_off_swept)])


def test_11_after_finish_commits_before_close_redelivered(cut_off_redelivered: Trial) -> None:
    assert_complete(cut_off_redelivered, [_crash_before_close(cut_off_redelivered)])


def test_12_after_close_commits_before_stage_closed_is_sent(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "queue.send_job:begin", skip=1))


def test_13_in_advance_before_its_commit_swept(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "stages.settle:commit"))


def test_13_in_advance_before_its_commit_redelivered(redelivered: Trial) -> None:
    assert_complete(redelivered, crash_alone(redelivered, "stages.settle:commit"))


def test_13_after_advance_before_its_message_is_acknowledged(redelivered: Trial) -> None:
    assert_complete(redelivered, crash_alone(redelivered, "driver.handle:committed", skip=1))


def test_14_after_advance_commits_before_its_send(swept: Trial) -> None:
    assert_complete(swept, crash(swept, "stages.settle:committed"))


def test_15_in_the_relay_between_claiming_rows_and_sending(swept: Trial) -> None:
    jobs = crash(swept, "outbox.claim:committed")
    assert_complete(swept, jobs)


def test_16_the_database_hangs_up_again_and_again(swept: Trial) -> None:
    jobs = [swept.submit(tasks=20, stages=STAGES, work_ms=50) for _ in range(2)]

    def hang_up() -> bool:
        swept.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        done = swept.value(
            "select count(*) from app.tasks where status = 'completed' and job_id = any(%s)", jobs
        )
        return done >= 30

    eventually(hang_up, 40, every=0.3)
    assert_complete(swept, jobs)


def test_17_messages_are_lost(swept: Trial) -> None:
    body = {"tasks": TASKS, "stages": STAGES, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    swept.arm("queue.send_task:begin", job_id, times=WINDOW, action=Action.DROP)
    swept.submit(**body)
    assert_complete(swept, [job_id])


def test_17_the_message_that_starts_a_job_is_lost(swept: Trial) -> None:
    body = {"tasks": TASKS, "stages": STAGES, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    swept.arm("queue.send_job:begin", job_id, action=Action.DROP)
    swept.submit(**body)
    assert_complete(swept, [job_id])


def test_17_the_message_that_a_stage_is_closed_is_lost(swept: Trial) -> None:
    body = {"tasks": TASKS, "stages": STAGES, "salt": uuid4().hex}
    job_id = id_of(STURDY, body)
    swept.arm("queue.send_job:begin", job_id, skip=1, action=Action.DROP)
    swept.submit(**body)
    assert_complete(swept, [job_id])


def test_17_both_queues_are_purged(swept: Trial) -> None:
    jobs = [swept.submit(tasks=20, stages=STAGES, work_ms=50) for _ in range(2)]
    eventually(
        lambda: swept.rows("select 1 from trial.executions e where e.task_id like %s", f"{jobs[0][:8]}%")
    )
    swept.kill()
    swept.purge_queues()
    swept.restart()
    assert_complete(swept, jobs)


def test_21_in_the_sweep(swept: Trial) -> None:
    passes = swept.value("select coalesce(max(sweep_id), 0) from app.sweeps")
    jobs = [swept.submit(tasks=TASKS, stages=STAGES, work_ms=50)]
    swept.arm("sweeps.sweep:commit", skip=4)
    swept.restart_after_death()
    eventually(
        lambda: swept.rows(
            "select 1 from app.sweeps o where o.sweep_id > %s and o.finished_at is null and exists"
            " (select 1 from app.sweeps n where n.sweep_id > o.sweep_id and n.finished_at is not null)",
            passes,
        )
    )
    assert_complete(swept, jobs)
