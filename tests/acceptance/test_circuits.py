"""While blob storage is out of order tasks wait, and what they wait for costs them no attempt."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host

TASKS = 60
ATTEMPTS = 3  # of the trials' retry policy
AT_ONCE = 24  # what runs of one queue when the circuit opens


@pytest.fixture(scope="module")
def host(module_hosts: HostFactory) -> Host:
    return module_hosts.trial()


@pytest.fixture(scope="module")
def waiting(host: Host) -> list[dict[str, Any]]:
    """The tasks of a job once each of them has met the open circuit."""
    job_id = host.submit("trial_tolerant", act="read", tasks=TASKS, salt=uuid4().hex)
    deferred = """
    select 1 from app.job_events
     where job_id = %s and event = 'attempt_failed' and details ->> 'code' = 'CIRCUIT_OPEN'
    having count(distinct task_id) > %s"""
    host.wait_for_rows(deferred, job_id, TASKS - AT_ONCE, seconds=60)
    host.let_go("blobs")
    return host.tasks(job_id)


def test_every_task_completes_once_the_storage_is_back(host: Host, waiting: list[dict[str, Any]]) -> None:
    job = host.wait(waiting[0]["job_id"], 60)
    assert job["status"] == "completed"


def test_a_deferred_attempt_does_not_count(host: Host, waiting: list[dict[str, Any]]) -> None:
    job_id = waiting[0]["job_id"]
    host.wait(job_id, 60)
    counted = {
        row["task_id"]: row["deferred"]
        for row in host.rows(
            "select task_id, count(*) as deferred from app.job_events where job_id = %s"
            " and event = 'attempt_failed' and details ->> 'code' = 'CIRCUIT_OPEN' group by task_id",
            job_id,
        )
    }
    assert len(counted) > TASKS - AT_ONCE
    for task in host.tasks(job_id):
        assert task["max_attempts"] == ATTEMPTS + counted.get(task["task_id"], 0)


def test_the_events_say_what_the_tasks_waited_for(host: Host, waiting: list[dict[str, Any]]) -> None:
    rows = host.rows(
        "select distinct details ->> 'message' as message, details ->> 'error_class' as class"
        " from app.job_events where job_id = %s and details ->> 'code' = 'CIRCUIT_OPEN'",
        waiting[0]["job_id"],
    )
    assert rows == [{"message": "blob storage is out of order; the task waits", "class": "deferred"}]
