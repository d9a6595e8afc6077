"""What the host gave up on: judged by the state of what it names, on record, told, and gone at last."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from schema.identity import task_id_of
from schema.queues import JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, encoded, eventually
from tests.support.web_server import WebServer, running_web_server

UNKNOWN = "fedcba9876543210" * 4


@pytest.fixture(scope="module")
def alerts() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server


@pytest.fixture(scope="module")
def host(module_hosts: HostFactory, alerts: WebServer) -> Host:
    return module_hosts.trial(queues={"visibilityTimeout": "00:00:00"}, ALERT_CALLBACK_URL=alerts.url)


@dataclass(frozen=True)
class Held:
    """A job of some tasks, all of which run until they are let go."""

    salt: str
    job_id: str
    task_id: str

    def message(self, **fields: Any) -> bytes:
        """Damaged: an unknown field keeps it from being used."""
        message = {"job_id": self.job_id, "run": 1, "stage": 1, "correlation_id": f"c-{self.salt}"}
        return json.dumps({**message, **fields, "unknown": True}).encode()


def hold(host: Host, job_type: str = "trial_fast", tasks: int = 1) -> Held:
    salt = uuid4().hex
    job_id = host.submit(job_type, act="hold", tasks=tasks, salt=salt)
    host.wait_for_rows(
        "select 1 from app.tasks where job_id = %s and status = 'processing' having count(*) = %s",
        job_id,
        tasks,
    )
    return Held(salt, job_id, host.tasks(job_id)[0]["task_id"])


def poison(host: Host, queue: str, body: bytes, *, raw: bool = False) -> dict[str, Any]:
    """Send what cannot be used and wait for its verdict: the row."""
    before = host.rows("select coalesce(max(dead_letter_id), 0) as last from app.dead_letters")[0]["last"]
    with host.queue(queue) as client:
        client.send_message(body.decode() if raw else encoded(body))
    return judged(host, before)


def judged(host: Host, before: int) -> dict[str, Any]:
    return eventually(
        lambda: host.rows(
            "select * from app.dead_letters where dead_letter_id > %s and verdict is not null", before
        )
    )[0]


def alerts_of(alerts: WebServer, job_id: str) -> list[dict[str, Any]]:
    return [each for each in alerts.received if each["job_id"] == job_id]


def assert_nothing_is_left(host: Host) -> None:
    for queue in (JOB_QUEUE, TASK_QUEUE):
        eventually(lambda queue=queue: host.depth(queue + POISON_SUFFIX) == 0)


class TestTasks:
    def test_a_running_task_is_failed_and_its_job_with_it_where_it_fails_fast(
        self, host: Host, alerts: WebServer
    ) -> None:
        held = hold(host)
        letter = poison(host, TASK_QUEUE, held.message(task_id=held.task_id, attempt=1))
        assert (letter["verdict"], letter["task_id"]) == ("unhandled", held.task_id)
        job = host.wait(held.job_id)
        assert (job["status"], job["error"]["code"]) == ("failed", "UNHANDLED_POISON")
        assert job["error"]["message"].startswith("UNHANDLED POISON")
        assert job["error"]["task_id"] == held.task_id
        (alert,) = eventually(lambda: alerts_of(alerts, held.job_id))
        assert (alert["task_id"], alert["verdict"]) == (held.task_id, "unhandled")
        assert alert["correlation_id"] == f"c-{held.salt}"
        assert_nothing_is_left(host)

    def test_its_job_goes_on_where_it_tolerates_that(self, host: Host) -> None:
        held = hold(host, "trial_tolerant", tasks=3)
        poison(host, TASK_QUEUE, held.message(task_id=held.task_id, attempt=1))
        host.let_go(held.salt)
        assert host.wait(held.job_id)["status"] == "completed_with_errors"
        statuses = [task["status"] for task in host.tasks(held.job_id)]
        assert statuses == ["failed", "completed", "completed"]

    def test_a_worker_whose_task_was_failed_changes_nothing_any_more(self, host: Host) -> None:
        held = hold(host)
        poison(host, TASK_QUEUE, held.message(task_id=held.task_id, attempt=1))
        host.let_go(held.salt)
        eventually(lambda: _lost(host, held.task_id))
        (task,) = host.tasks(held.job_id)
        assert (task["status"], task["result"]) == ("failed", None)

    def test_one_that_had_failed_already_is_expected(self, host: Host, alerts: WebServer) -> None:
        salt = uuid4().hex
        job_id = host.submit("trial_fast", act="broken", salt=salt)
        host.wait(job_id)
        held = Held(salt, job_id, host.tasks(job_id)[0]["task_id"])
        letter = poison(host, TASK_QUEUE, held.message(task_id=held.task_id, attempt=1))
        assert letter["verdict"] == "expected"
        assert alerts_of(alerts, job_id) == []
        assert _level(host, held.task_id) == "info"

    def test_one_that_had_completed_is_a_warning_and_stays_completed(
        self, host: Host, alerts: WebServer
    ) -> None:
        salt = uuid4().hex
        job_id = host.submit("trial_fast", salt=salt)
        host.wait(job_id)
        held = Held(salt, job_id, host.tasks(job_id)[0]["task_id"])
        letter = poison(host, TASK_QUEUE, held.message(task_id=held.task_id, attempt=1))
        assert letter["verdict"] == "finished"
        assert host.status(job_id)["status"] == "completed"
        assert alerts_of(alerts, job_id) == []
        assert _level(host, held.task_id) == "warning"

    def test_an_unhandled_one_is_logged_as_critical_with_its_facts(self, host: Host) -> None:
        held = hold(host)
        poison(host, TASK_QUEUE, held.message(task_id=held.task_id, attempt=1))
        (record,) = eventually(lambda: _judgements(host, held.task_id))
        assert record["level"].lower() == "critical"
        assert (record["job_id"], record["queue"]) == (held.job_id, TASK_QUEUE)
        assert (record["verdict"], record["correlation_id"]) == ("unhandled", f"c-{held.salt}")

    def test_an_unknown_one_is_kept_on_record(self, host: Host, alerts: WebServer) -> None:
        task_id = task_id_of(UNKNOWN, 1, 1, "0")
        body = {"job_id": UNKNOWN, "run": 1, "stage": 1, "task_id": task_id, "attempt": 1}
        letter = poison(host, TASK_QUEUE, json.dumps({**body, "correlation_id": "c"}).encode())
        assert (letter["verdict"], letter["error_code"]) == ("unknown", "MESSAGE_NOT_FOUND")
        assert alerts_of(alerts, UNKNOWN) == []


class TestJobs:
    def test_an_active_job_is_failed_with_its_tasks_and_told(self, host: Host, alerts: WebServer) -> None:
        held = hold(host, tasks=2)
        letter = poison(host, JOB_QUEUE, held.message())
        assert letter["verdict"] == "unhandled"
        assert host.status(held.job_id)["error"]["code"] == "UNHANDLED_POISON"
        assert len(eventually(lambda: alerts_of(alerts, held.job_id))) == 1
        host.let_go(held.salt)
        host.wait_for_no_rows(
            "select 1 from app.tasks where job_id = %s and status = 'processing'", held.job_id
        )

    def test_a_job_that_has_ended_stays_as_it_is(self, host: Host) -> None:
        job_id = host.submit("trial_fast", salt=uuid4().hex)
        host.wait(job_id)
        letter = poison(host, JOB_QUEUE, Held("x", job_id, "").message())
        assert letter["verdict"] == "finished"
        assert host.status(job_id)["status"] == "completed"

    def test_a_job_that_failed_by_poison_can_be_retried(self, host: Host) -> None:
        held = hold(host)
        poison(host, JOB_QUEUE, held.message())
        host.let_go(held.salt)
        host.wait_for_no_rows(
            "select 1 from app.tasks where job_id = %s and status = 'processing'", held.job_id
        )
        assert host.http.post(f"jobs/{held.job_id}/retry").status_code == 202
        assert host.wait(held.job_id)["status"] == "completed"


@pytest.mark.parametrize("queue", [JOB_QUEUE, TASK_QUEUE])
@pytest.mark.parametrize("text", ["%%% no base64 %%%", "plain text", '{"job_id": 7}'])
def test_what_is_no_base64_is_on_record_too(host: Host, queue: str, text: str) -> None:
    letter = poison(host, queue, text.encode(), raw=True)
    assert (letter["queue"], letter["body"], letter["verdict"]) == (queue, text, "unknown")
    assert_nothing_is_left(host)


def test_a_usable_message_that_is_no_base64_is_used(host: Host) -> None:
    salt = uuid4().hex
    job_id = host.submit("trial_fast", salt=salt)
    host.wait(job_id)
    message = {"schema_version": 1, "job_id": job_id, "run": 1, "stage": 1, "correlation_id": salt}
    with host.queue(JOB_QUEUE) as client:
        client.send_message(json.dumps(message))
    eventually(lambda: host.process.records("message of a run that is over was dropped", job_id=job_id))


def test_a_message_put_into_a_poison_queue_by_hand_is_judged_as_well(host: Host) -> None:
    body = uuid4().hex.encode()
    with host.queue(TASK_QUEUE + POISON_SUFFIX) as client:
        client.send_message(encoded(body))
    (letter,) = eventually(lambda: host.rows("select * from app.dead_letters where body = %s", body.decode()))
    assert (letter["queue"], letter["verdict"]) == (TASK_QUEUE, "unknown")
    assert letter["error_code"] == "UNHANDLED_POISON"


def test_one_row_tells_of_a_message_and_of_its_copy_in_the_poison_queue(host: Host) -> None:
    body = uuid4().hex.encode()
    letter = poison(host, TASK_QUEUE, body)
    assert letter["error_code"] == "MESSAGE_NOT_PARSED"
    assert letter["first_seen_at"] <= letter["judged_at"]
    assert len(host.rows("select 1 from app.dead_letters where body = %s", body.decode())) == 1


def test_the_row_holds_the_first_thousand_characters(host: Host) -> None:
    letter = poison(host, TASK_QUEUE, b"z" * 5_000)
    assert (letter["body"], letter["size"]) == ("z" * 1_000, 5_000)


class TestDesk:
    def test_the_list_shows_depths_and_the_newest_first(self, host: Host) -> None:
        letters = [poison(host, TASK_QUEUE, uuid4().hex.encode()) for _ in range(2)]
        answer = host.http.get("monitor/poison?limit=2")
        assert answer.status_code == 200
        shown = answer.json()
        assert set(shown["queues"]) == {JOB_QUEUE + POISON_SUFFIX, TASK_QUEUE + POISON_SUFFIX}
        newest = [letter["dead_letter_id"] for letter in reversed(letters)]
        assert [each["dead_letter_id"] for each in shown["dead_letters"]] == newest
        assert shown["dead_letters"][0]["verdict"] == "unknown"

    def test_the_list_has_pages_that_do_not_overlap(self, host: Host) -> None:
        for _ in range(3):
            poison(host, TASK_QUEUE, uuid4().hex.encode())
        first = host.http.get("monitor/poison?limit=2").json()
        second = host.http.get(f"monitor/poison?limit=2&cursor={first['next_cursor']}").json()
        ids = [each["dead_letter_id"] for page in (first, second) for each in page["dead_letters"]]
        assert ids == sorted(set(ids), reverse=True)

    def test_processing_judges_what_is_there_now(self, module_hosts: HostFactory) -> None:
        host = module_hosts.trial(
            **{
                f"AzureWebJobs.{name}.Disabled": "true"
                for name in ("judge_poison_job_message", "judge_poison_task_message")
            }
        )
        for queue in (JOB_QUEUE, TASK_QUEUE):
            with host.queue(queue + POISON_SUFFIX) as client:
                client.create_queue()
                for text in (encoded(b"one"), "%%% two"):
                    client.send_message(text)
        assert host.http.get("monitor/poison").json()["queues"][JOB_QUEUE + POISON_SUFFIX] == 2
        answer = host.http.post("monitor/poison")
        assert (answer.status_code, answer.json()) == (200, {"processed": 4, "verdicts": {"unknown": 4}})
        rows = host.rows("select queue, body from app.dead_letters order by dead_letter_id")
        assert [(row["queue"], row["body"]) for row in rows] == [
            (JOB_QUEUE, "one"),
            (JOB_QUEUE, "%%% two"),
            (TASK_QUEUE, "one"),
            (TASK_QUEUE, "%%% two"),
        ]
        assert_nothing_is_left(host)
        assert host.http.post("monitor/poison").json() == {"processed": 0, "verdicts": {}}

    def test_a_replay_sends_what_the_work_waits_for(self, host: Host) -> None:
        held = hold(host, tasks=2)
        letter = poison(host, TASK_QUEUE, b'{"job_id": "nonsense"}')
        host.execute(
            "update app.dead_letters set job_id = %s, task_id = %s where dead_letter_id = %s",
            held.job_id,
            held.task_id,
            letter["dead_letter_id"],
        )
        answer = host.http.post(f"monitor/poison/{letter['dead_letter_id']}/replay")
        assert answer.status_code == 202, answer.text
        assert answer.json()["message"]["task_id"] == held.task_id
        assert _row(host, letter)["replayed_at"] is not None
        host.let_go(held.salt)
        assert host.wait(held.job_id)["status"] == "completed"
        assert [task["attempt"] for task in host.tasks(held.job_id)] == [1, 1]

    def test_a_replay_of_what_names_no_work_is_refused(self, host: Host) -> None:
        letter = poison(host, TASK_QUEUE, uuid4().hex.encode())
        answer = host.http.post(f"monitor/poison/{letter['dead_letter_id']}/replay")
        assert (answer.status_code, answer.json()["code"]) == (409, "JOB_STATE_CONFLICT")
        assert _row(host, letter)["replayed_at"] is None

    def test_disposing_notes_it(self, host: Host) -> None:
        letter = poison(host, TASK_QUEUE, uuid4().hex.encode())
        answer = host.http.delete(f"monitor/poison/{letter['dead_letter_id']}")
        assert answer.status_code == 200
        assert _row(host, letter)["disposed_at"] is not None

    @pytest.mark.parametrize(("method", "path"), [("POST", "999999/replay"), ("DELETE", "999999")])
    def test_one_that_is_not_there_is_not_found(self, host: Host, method: str, path: str) -> None:
        answer = host.http.request(method, f"monitor/poison/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "DEAD_LETTER_NOT_FOUND")

    @pytest.mark.parametrize("number", ["abc", "-1", "1.5", "99999999999999999999"])
    def test_a_number_that_is_none_is_refused(self, host: Host, number: str) -> None:
        assert host.http.delete(f"monitor/poison/{number}").status_code == 400

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", "cursor=x", "colour=red"])
    def test_a_query_that_is_none_is_refused(self, host: Host, query: str) -> None:
        assert host.http.get(f"monitor/poison?{query}").status_code == 400


def _row(host: Host, letter: dict[str, Any]) -> dict[str, Any]:
    number = letter["dead_letter_id"]
    return host.rows("select * from app.dead_letters where dead_letter_id = %s", number)[0]


def _judgements(host: Host, task_id: str) -> list[dict[str, Any]]:
    return host.process.records("poison message was judged", task_id=task_id)


def _level(host: Host, task_id: str) -> str:
    (record,) = eventually(lambda: _judgements(host, task_id))
    return str(record["level"]).lower()


def _lost(host: Host, task_id: str) -> list[dict[str, Any]]:
    return [
        *host.process.records("attempt finished", task_id=task_id, outcome="lost"),
        *host.process.records("attempt abandoned, its lease is lost", task_id=task_id),
    ]
