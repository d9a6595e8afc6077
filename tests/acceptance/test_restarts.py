"""A host that ends amid a job, gently or not: the job completes, and nothing is done twice."""

import json
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from schema.queues import JOB_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, eventually, write_host_json

N = 100
STOP_SECONDS = 20.0
OTHERS = "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"


def submit_and_wait_for(host: Host, completed: int) -> str:
    """The id of a job of which so many tasks are done, and many more are not."""
    job_id = host.submit(n=N, message=uuid4().hex)
    host.wait_for_rows(
        "select 1 from app.tasks where job_id = %s and status = 'completed' having count(*) >= %s",
        job_id,
        completed,
    )
    return job_id


def let_an_hour_pass(host: Host) -> None:
    """Leases run out, waits are over and the sweep is due, as if an hour had passed since the host's end.

    A statement that was under way when the host was killed still ends, and is waited for. Messages that it
    had in work stay hidden, so that only the database can tell of them.
    """
    host.wait_for_no_rows(OTHERS)
    hour = "interval '1 hour'"
    host.execute(f"update app.jobs set updated_at = updated_at - {hour}")  # noqa: S608 -- a constant
    host.execute(f"update app.stages set closing_at = closing_at - {hour}, opened_at = opened_at - {hour}")  # noqa: S608 -- as above
    host.execute(
        f"update app.tasks set lease_expires_at = lease_expires_at - {hour}, not_before = not_before - {hour}"  # noqa: S608 -- as above
    )
    host.execute(
        f"update app.outbox set claimed_until = claimed_until - {hour}, available_at = available_at - {hour}"  # noqa: S608 -- as above
    )
    timers = host.process.folder / ".local" / "devhost-timers.json"
    kept = json.loads(timers.read_text())
    for timer in kept.values():
        timer["next"] = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    timers.write_text(json.dumps(kept))


def completions(host: Host, job_id: str) -> Counter[str]:
    """How often each task completed."""
    events = host.rows(
        "select task_id from app.job_events where job_id = %s and entity = 'task' and event = 'completed'",
        job_id,
    )
    return Counter(event["task_id"] for event in events)


def assert_complete(host: Host, job_id: str) -> None:
    assert host.wait(job_id, 60)["status"] == "completed"
    tasks = host.tasks(job_id)
    assert len(tasks) == 2 * N
    assert {task["status"] for task in tasks} == {"completed"}
    assert completions(host, job_id) == {task["task_id"]: 1 for task in tasks}


def test_a_killed_host_leaves_nothing_that_its_successor_cannot_complete(start_host: HostFactory) -> None:
    host = start_host()
    job_id = submit_and_wait_for(host, N // 4)
    host.process.kill()
    let_an_hour_pass(host)
    assert_complete(start_host.restarted(host), job_id)


def test_tasks_that_were_done_before_a_kill_are_not_done_again(start_host: HostFactory) -> None:
    host = start_host()
    job_id = submit_and_wait_for(host, N // 4)
    host.process.kill()
    done = {task["task_id"]: task for task in host.tasks(job_id) if task["status"] == "completed"}
    let_an_hour_pass(host)
    successor = start_host.restarted(host)
    successor.wait(job_id, 60)
    after = {task["task_id"]: task for task in successor.tasks(job_id)}
    for task_id, task in done.items():
        assert (after[task_id]["attempt"], after[task_id]["finished_at"]) == (1, task["finished_at"])


def test_a_job_that_waits_in_the_queue_survives_a_kill(start_host: HostFactory) -> None:
    host = start_host(queues={"batchSize": 1, "newBatchThreshold": 0})
    host.run(n=1)
    with host.connect() as connection, host.queue(JOB_QUEUE) as queue, connection.transaction():
        connection.execute("lock table app.stages in share mode")
        host.submit(n=1, message="keeps the only place in work")
        eventually(lambda: not queue.peek_messages())
        job_id = host.submit(n=N, message=uuid4().hex)
        eventually(queue.peek_messages)
        host.process.kill()
    write_host_json(host.process.folder)
    assert_complete(start_host.restarted(host), job_id)


def test_a_stop_amid_a_job_is_clean_and_quick(start_host: HostFactory) -> None:
    host = start_host()
    submit_and_wait_for(host, N // 4)
    host.process.process.send_signal(signal.SIGTERM)
    assert host.process.process.wait(STOP_SECONDS) == 0
    assert [record["all_ended"] for record in host.process.records("host stopped")] == [True]


@pytest.mark.parametrize("completed", [1, N // 2, N])
def test_a_job_goes_on_after_a_stop_with_every_task_once(start_host: HostFactory, completed: int) -> None:
    host = start_host()
    job_id = submit_and_wait_for(host, completed)
    assert host.process.terminate() == 0
    successor = start_host.restarted(host)
    assert_complete(successor, job_id)
    assert {task["attempt"] for task in successor.tasks(job_id)} == {1}


def test_a_stop_leaves_no_task_in_a_workers_hands(start_host: HostFactory) -> None:
    host = start_host()
    job_id = submit_and_wait_for(host, N // 4)
    assert host.process.terminate() == 0
    assert "processing" not in {task["status"] for task in host.tasks(job_id)}
