"""Messages nobody can use: on record, in the log, judged and gone at last, and no harm to others."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from schema.identity import task_id_of
from schema.queues import JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, encoded, eventually

MAX_DEQUEUE_COUNT = 5
UNKNOWN_JOB = "0123456789abcdef" * 4
QUEUES = [JOB_QUEUE, TASK_QUEUE]


@dataclass(frozen=True)
class Bad:
    """A body, what stands in the way of it, and the ids that can be read from it all the same."""

    name: str
    body: Callable[["Known"], bytes]
    code: str = "MESSAGE_NOT_PARSED"
    job: bool = False
    task: bool = False
    raw: bool = False

    def content(self, known: "Known") -> str:
        """As it travels."""
        return self.body(known).decode() if self.raw else encoded(self.body(known))


@dataclass(frozen=True)
class Known:
    """A job that exists, one of its tasks, and the ids a message of the queue must have."""

    job_id: str
    task_id: str
    message: dict[str, Any]

    def changed(self, **fields: Any) -> bytes:
        return json.dumps({**self.message, **fields}).encode()


def noise(known: Known) -> bytes:
    """60 KB in base64, and no text."""
    return random.Random(1).randbytes(45_000)  # noqa: S311 -- no secret


BAD = [
    Bad("empty", lambda _: b"", "MESSAGE_NOT_EXTRACTED"),
    Bad("white space", lambda _: b"  \n ", "MESSAGE_NOT_EXTRACTED"),
    Bad("noise", noise, "MESSAGE_NOT_EXTRACTED"),
    Bad("no json", lambda _: b"this is no json"),
    Bad("long text", lambda _: "ä0123456789".encode() * 2_000),
    Bad("an array", lambda _: b"[1, 2, 3]"),
    Bad("deep nesting", lambda _: b"[" * 20_000),
    Bad("NUL", lambda _: b'{"job_id": "\0"}'),
    Bad("missing fields", lambda known: json.dumps({"job_id": known.job_id}).encode(), job=True),
    Bad("wrong types", lambda known: known.changed(run="first", stage=None), job=True),
    Bad("an extra field", lambda known: known.changed(result={"size": 1}), job=True),
    Bad("another version", lambda known: known.changed(schema_version=2), job=True),
    Bad("broken json", lambda known: f'{{"job_id": "{known.job_id}", "run": 1, "sta'.encode(), job=True),
    Bad("no base64", lambda _: b"%%% this is no base64 %%%", raw=True),
    Bad(
        "json, but no base64", lambda known: json.dumps({"job_id": known.job_id}).encode(), job=True, raw=True
    ),
    Bad("ids in prose", lambda known: f"{known.job_id} and {known.task_id}!".encode(), job=True, task=True),
]


@dataclass(frozen=True)
class Sent:
    """A bad message, as it was sent and as it ended."""

    bad: Bad
    queue: str
    message_id: str
    body: bytes


@dataclass(frozen=True)
class Aftermath:
    host: Host
    known: Known
    sent: list[Sent]
    jobs_beside: list[dict[str, Any]]
    letters: dict[tuple[str, str], dict[str, Any]]

    def one(self, queue: str, name: str) -> Sent:
        return next(each for each in self.sent if each.queue == queue and each.bad.name == name)

    def letter(self, sent: Sent) -> dict[str, Any]:
        return self.letters[sent.queue, sent.message_id]


def known_job(host: Host, queue: str) -> Known:
    job_id = host.run(n=1, message=queue)["job_id"]
    task_id = host.tasks(job_id)[0]["task_id"]
    message = {
        "schema_version": 1,
        "job_id": job_id,
        "run": 1,
        "stage": 1,
        "correlation_id": "c" * 32,
        **({"task_id": task_id, "attempt": 1} if queue == TASK_QUEUE else {}),
    }
    return Known(job_id, task_id, message)


def unknown_ids(queue: str) -> Bad:
    """A message that is well formed and names nothing that there is."""
    ids: dict[str, Any] = {"job_id": UNKNOWN_JOB}
    if queue == TASK_QUEUE:
        ids["task_id"] = task_id_of(UNKNOWN_JOB, 1, 1, "0")
    return Bad(
        "unknown ids",
        lambda known: known.changed(**ids),
        "MESSAGE_NOT_FOUND",
        job=True,
        task=queue == TASK_QUEUE,
    )


def send_all(host: Host, queue: str, known: Known) -> list[Sent]:
    found: list[Sent] = []
    with host.queue(queue) as client:
        for bad in [*BAD, unknown_ids(queue)]:
            message = client.send_message(bad.content(known))
            found.append(Sent(bad, queue, message.id, bad.body(known)))
    return found


@pytest.fixture(scope="module")
def aftermath(module_hosts: HostFactory) -> Aftermath:
    """Every bad message was put on both queues while jobs were under way, and all has come to its end."""
    host = module_hosts(queues={"visibilityTimeout": "00:00:01"})
    known = {queue: known_job(host, queue) for queue in QUEUES}
    jobs = [host.submit(n=30, message=uuid4().hex) for _ in range(2)]
    sent = [each for queue in QUEUES for each in send_all(host, queue, known[queue])]
    jobs.append(host.submit(n=30, message=uuid4().hex))
    ended = [host.wait(job_id, 60) for job_id in jobs]
    host.wait_for_rows(
        "select 1 from app.dead_letters where verdict is not null having count(*) = %s", len(sent), seconds=90
    )
    rows = host.rows("select * from app.dead_letters")
    letters = {(row["queue"], row["message_id"]): row for row in rows}
    return Aftermath(host, known[JOB_QUEUE], sent, ended, letters)


each_message = pytest.mark.parametrize("name", [*(bad.name for bad in BAD), "unknown ids"])
each_queue = pytest.mark.parametrize("queue", QUEUES)


@each_queue
@each_message
def test_a_bad_message_goes_to_the_poison_queue_after_five_deliveries(
    aftermath: Aftermath, queue: str, name: str
) -> None:
    sent = aftermath.one(queue, name)
    moved = aftermath.host.process.records("message moved to the poison queue", message_id=sent.message_id)
    assert [record["dequeue_count"] for record in moved] == [MAX_DEQUEUE_COUNT]


@each_queue
@each_message
def test_a_bad_message_is_on_record(aftermath: Aftermath, queue: str, name: str) -> None:
    sent = aftermath.one(queue, name)
    letter = aftermath.letter(sent)
    assert letter["error_code"] == sent.bad.code
    assert letter["error"]
    assert (letter["size"], letter["dequeue_count"]) == (len(sent.body), MAX_DEQUEUE_COUNT)
    assert len(letter["body"]) <= 1_000


@each_queue
@each_message
def test_a_bad_message_is_judged(aftermath: Aftermath, queue: str, name: str) -> None:
    """One that names the job, or the task, which has completed is told from one that names nothing known."""
    sent = aftermath.one(queue, name)
    letter = aftermath.letter(sent)
    names_something = sent.bad.job and name != "unknown ids"
    assert letter["verdict"] == ("finished" if names_something else "unknown")
    assert letter["judged_at"] is not None


@each_queue
@each_message
def test_ids_are_recovered_where_a_message_names_them(aftermath: Aftermath, queue: str, name: str) -> None:
    sent = aftermath.one(queue, name)
    letter = aftermath.letter(sent)
    text = sent.body.decode(errors="replace")
    assert (letter["job_id"] is not None) is sent.bad.job
    assert letter["job_id"] is None or letter["job_id"] in text
    assert letter["task_id"] is None or letter["task_id"] in text
    assert letter["task_id"] is not None or not sent.bad.task


@each_queue
def test_a_bad_message_is_on_record_long_before_it_is_poison(aftermath: Aftermath, queue: str) -> None:
    for sent in (each for each in aftermath.sent if each.queue == queue):
        letter = aftermath.letter(sent)
        assert (letter["judged_at"] - letter["first_seen_at"]).total_seconds() > MAX_DEQUEUE_COUNT - 2


@each_queue
@each_message
def test_each_delivery_of_a_bad_message_is_logged(aftermath: Aftermath, queue: str, name: str) -> None:
    sent = aftermath.one(queue, name)
    logged = aftermath.host.process.records("message could not be used", message_id=sent.message_id)
    assert [record["dequeue_count"] for record in logged] == list(range(1, MAX_DEQUEUE_COUNT + 1))
    assert {(record["queue"], record["size"]) for record in logged} == {(queue, len(sent.body))}
    text = sent.body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert {record["body"] for record in logged} == {text[:500]}


def test_jobs_beside_bad_messages_complete_unharmed(aftermath: Aftermath) -> None:
    assert {job["status"] for job in aftermath.jobs_beside} == {"completed"}
    for job in aftermath.jobs_beside:
        tasks = aftermath.host.tasks(job["job_id"])
        assert {(task["status"], task["attempt"]) for task in tasks} == {("completed", 1)}


def test_a_job_that_bad_messages_name_stays_as_it_was(aftermath: Aftermath) -> None:
    job = aftermath.host.status(aftermath.known.job_id)
    assert (job["status"], job["run"]) == ("completed", 1)
    assert {task["attempt"] for task in aftermath.host.tasks(job["job_id"])} == {1}


def test_nothing_is_left_in_the_queues(aftermath: Aftermath) -> None:
    for name in (*QUEUES, *(queue + POISON_SUFFIX for queue in QUEUES)):
        eventually(lambda name=name: aftermath.host.depth(name) == 0)
