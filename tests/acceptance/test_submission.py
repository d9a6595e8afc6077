"""Submission: one job for one request however often it is sent, headers, dry runs, and ids that trace it."""

import json
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest

from schema.queues import JOB_QUEUE, TASK_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, decoded, eventually, new_client

CALLERS = 200
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def equal_submissions(host: Host) -> list[httpx.Response]:
    """The answers to 200 equal submissions, released at once; the job has ended."""
    parameters = {"n": 5, "message": uuid4().hex}
    barrier = threading.Barrier(CALLERS)
    with new_client(host.process.url(), CALLERS) as client, ThreadPoolExecutor(CALLERS) as callers:

        def submit(_: int) -> httpx.Response:
            barrier.wait(30)
            return client.post("jobs/submit/hello_world", json=parameters)

        answers = list(callers.map(submit, range(CALLERS)))
    host.wait(answers[0].json()["job_id"])
    return answers


@pytest.fixture
def slow_host(start_host: HostFactory) -> Host:
    """A host with one message of each queue in work, so that the others can be looked at."""
    return start_host(queues={"batchSize": 1, "newBatchThreshold": 0})


@pytest.fixture
def traced(host: Host) -> dict[str, Any]:
    """A finished job whose caller sent a correlation id and a trace context."""
    correlation_id = f"trace.{uuid4().hex}"
    headers = {"X-Correlation-ID": correlation_id, "traceparent": TRACEPARENT}
    answer = host.http.post("jobs/submit/hello_world", json={"n": 2, "message": uuid4().hex}, headers=headers)
    assert answer.headers["X-Correlation-ID"] == correlation_id
    return host.wait(answer.json()["job_id"])


def test_one_of_200_equal_submissions_creates_the_job(equal_submissions: list[httpx.Response]) -> None:
    assert Counter(answer.status_code for answer in equal_submissions) == {202: 1, 200: CALLERS - 1}
    assert Counter(answer.json()["created"] for answer in equal_submissions) == {True: 1, False: CALLERS - 1}
    assert len({answer.json()["job_id"] for answer in equal_submissions}) == 1


def test_200_equal_submissions_make_one_run(host: Host, equal_submissions: list[httpx.Response]) -> None:
    job_id = equal_submissions[0].json()["job_id"]
    assert host.status(job_id)["status"] == "completed"
    events = host.rows("select event from app.job_events where job_id = %s and entity = 'job'", job_id)
    assert [event["event"] for event in events] == ["submitted", "started", "completed"]
    tasks = host.tasks(job_id)
    assert len(tasks) == 10
    assert {(task["run"], task["attempt"], task["status"]) for task in tasks} == {(1, 1, "completed")}


def test_a_new_job_is_answered_with_what_and_where_it_is(host: Host) -> None:
    message = uuid4().hex
    answer = host.http.post("jobs/submit/hello_world", json={"message": message})
    job_id = answer.json()["job_id"]
    assert answer.status_code == 202
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Location"] == f"/api/jobs/status/{job_id}"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["created"] is True
    assert answer.json()["run"] == 1
    assert answer.json()["job_type"] == "hello_world"
    assert answer.json()["parameters"] == {
        "n": 3,
        "message": message,
        "fail_at": None,
        "dataset_id": None,
        "resource_id": None,
        "version_id": None,
    }


@pytest.mark.parametrize("link", ["self", "tasks", "row"])
def test_the_links_of_a_job_lead_somewhere(host: Host, link: str) -> None:
    answer = host.http.post("jobs/submit/hello_world", json={"n": 1, "message": uuid4().hex})
    path = answer.json()["links"][link].removeprefix("/api/")
    assert host.http.get(path).status_code == 200


def test_defaults_and_the_order_of_fields_are_no_part_of_the_identity(host: Host) -> None:
    message = uuid4().hex
    answers = [
        host.http.post("jobs/submit/hello_world", content=body).json()
        for body in (
            f'{{"message": "{message}"}}',
            f'{{"n": 3, "message": "{message}"}}',
            f'{{"fail_at": null, "message": "{message}", "n": 3}}',
        )
    ]
    assert [answer["created"] for answer in answers] == [True, False, False]
    assert len({answer["job_id"] for answer in answers}) == 1


def test_a_running_job_asks_for_patience_and_a_final_one_does_not(host: Host) -> None:
    job_id = host.submit(n=100, message=uuid4().hex)
    running = host.http.get(f"jobs/status/{job_id}")
    host.wait(job_id)
    final = host.http.get(f"jobs/status/{job_id}")
    assert running.json()["status"] in ("queued", "processing")
    assert "Retry-After" in running.headers
    assert "Retry-After" not in final.headers


def test_a_dry_run_shows_the_plan(host: Host) -> None:
    answer = host.http.post("jobs/submit/hello_world?dry_run=true", json={"n": 4, "message": uuid4().hex})
    assert answer.status_code == 200
    plan = answer.json()
    assert plan["first_stage_tasks"] == 4
    assert plan["parameters"]["n"] == 4
    assert [(stage["stage"], stage["task_type"]) for stage in plan["stages"]] == [
        (1, "hello_world_greeting"),
        (2, "hello_world_reply"),
    ]


def test_a_dry_run_stores_nothing_and_tells_the_id_of_the_real_one(host: Host) -> None:
    parameters = {"n": 2, "message": uuid4().hex}
    planned = host.http.post("jobs/submit/hello_world?dry_run=true", json=parameters).json()["job_id"]
    assert host.http.get(f"jobs/status/{planned}").status_code == 404
    assert host.submit(**parameters) == planned


def test_a_well_formed_correlation_id_is_kept_in_the_job(host: Host, traced: dict[str, Any]) -> None:
    rows = host.rows("select correlation_id, traceparent from app.jobs where job_id = %s", traced["job_id"])
    assert rows[0]["correlation_id"] == traced["correlation_id"]
    assert rows[0]["correlation_id"].startswith("trace.")
    assert rows[0]["traceparent"] == TRACEPARENT


@pytest.mark.parametrize(
    ("line", "count"),
    [("job submitted", 1), ("stage opened", 2), ("attempt finished", 4), ("job finished", 1)],
)
def test_a_correlation_id_is_in_every_log_line_of_its_job(
    host: Host, traced: dict[str, Any], line: str, count: int
) -> None:
    def logged() -> list[dict[str, Any]]:
        return host.process.records(line, job_id=traced["job_id"])

    eventually(lambda: len(logged()) >= count)
    assert [record["correlation_id"] for record in logged()] == [traced["correlation_id"]] * count


@pytest.mark.parametrize("sent", ["", "with space", "x" * 65, "semi;colon", "ümlaut"])
def test_an_ill_formed_correlation_id_is_replaced(host: Host, sent: str) -> None:
    answer = host.http.get("health/live", headers={"X-Correlation-ID": sent.encode()})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Correlation-ID"])


def test_every_answer_has_a_correlation_id_of_its_own(host: Host) -> None:
    ids = {host.http.get("health/live").headers["X-Correlation-ID"] for _ in range(3)}
    assert len(ids) == 3


def test_messages_carry_ids_only_and_the_correlation_id(slow_host: Host) -> None:
    correlation_id = uuid4().hex
    blocker = slow_host.submit(n=1, message="blocker")
    slow_host.wait(blocker)
    with slow_host.connect() as connection, slow_host.queue(JOB_QUEUE) as jobs, connection.transaction():
        connection.execute("lock table app.stages in share mode")
        slow_host.submit(n=1, message="keeps the only place in work")
        waiting = {"n": 60, "message": "m" * 1000}
        headers = {"X-Correlation-ID": correlation_id, "traceparent": TRACEPARENT}
        eventually(lambda: not jobs.peek_messages())
        job_id = slow_host.http.post("jobs/submit/hello_world", json=waiting, headers=headers).json()[
            "job_id"
        ]
        job_message = eventually(jobs.peek_messages)[0].content
    with slow_host.queue(TASK_QUEUE) as tasks:
        task_message = eventually(lambda: _of_job(tasks.peek_messages(max_messages=32), job_id))
    ids = {"schema_version": 1, "job_id": job_id, "run": 1, "stage": 1, "correlation_id": correlation_id}
    assert _parsed(job_message) == {**ids, "traceparent": TRACEPARENT}
    assert _parsed(task_message).items() >= {**ids, "attempt": 1, "traceparent": TRACEPARENT}.items()
    assert set(_parsed(task_message)) == {*ids, "traceparent", "task_id", "attempt"}
    assert max(len(decoded(text)) for text in (job_message, task_message)) <= 1024
    slow_host.wait(job_id)


def _of_job(messages: list[Any], job_id: str) -> str | None:
    return next((each.content for each in messages if _parsed(each.content)["job_id"] == job_id), None)


def _parsed(content: str) -> dict[str, Any]:
    return json.loads(decoded(content))
