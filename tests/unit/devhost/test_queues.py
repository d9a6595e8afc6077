"""Queue listeners on a queue in memory: what becomes of a message, and when batches are fetched."""

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import azure.functions as func
import pytest

from devhost.invocations import Invocations
from devhost.queues import QueueListener
from devhost.settings import QueueSettings
from tests.unit.devhost.support import AWAY, MemoryQueue, eventually, queue_function, running_invocations

Listen = Callable[..., QueueListener]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def settings(**changes: Any) -> QueueSettings:
    return QueueSettings.model_validate({"maxPollingInterval": "00:00:00.100", **changes})


@pytest.fixture
def invocations() -> Iterator[Invocations]:
    with running_invocations(threads=32) as invocations:
        yield invocations


@pytest.fixture
def listen(invocations: Invocations) -> Iterator[Listen]:
    """Starts a listener on a queue; stops it after the test."""
    listeners: list[QueueListener] = []

    def start(
        queue: MemoryQueue, call: Callable[[Any], object], *, binary: bool = False, **options: Any
    ) -> QueueListener:
        options.setdefault("settings", settings())
        listener = QueueListener(
            queue_function(call, binary=binary), queue, invocations=invocations, **options
        )
        listener.start()
        listeners.append(listener)
        return listener

    yield start
    for listener in listeners:
        listener.stop()
        listener.join(monotonic() + 10)


def succeed(value: func.QueueMessage) -> None:
    return None


def fail(value: func.QueueMessage) -> None:
    raise RuntimeError("told to fail")


def test_a_handled_message_is_deleted(listen: Listen) -> None:
    queue = MemoryQueue(encoded("a"))
    bodies: list[bytes] = []
    listen(queue, lambda value: bodies.append(value.get_body()))
    eventually(lambda: queue.deleted == ["0"])
    assert bodies == [b"a"]
    assert queue.hidden_seconds == 600


def test_a_failed_message_is_released_after_the_set_time(listen: Listen) -> None:
    queue = MemoryQueue(encoded("a"), dequeue_count=4)
    listen(queue, fail, settings=settings(visibilityTimeout="00:00:05"))
    eventually(lambda: queue.hidden == [("0", 5)])
    assert (queue.deleted, queue.poison) == ([], [])


def test_a_message_that_failed_too_often_goes_to_the_poison_queue(listen: Listen) -> None:
    queue = MemoryQueue(encoded("a"), dequeue_count=5)
    notified: list[str] = []
    listen(queue, fail, on_poison=notified.append)
    eventually(lambda: queue.deleted == ["0"])
    assert queue.poison == [encoded("a")]
    assert notified == ["greetings-poison"]


def test_a_message_taken_too_often_goes_there_without_running(listen: Listen) -> None:
    queue = MemoryQueue(encoded("a"), dequeue_count=6)
    ran: list[object] = []
    listen(queue, ran.append)
    eventually(lambda: queue.deleted == ["0"])
    assert (queue.poison, ran) == ([encoded("a")], [])


@pytest.mark.parametrize("dequeue_count", [1, 5, 6])
def test_a_message_of_a_poison_queue_that_fails_stays_hidden_there(
    listen: Listen, dequeue_count: int, caplog: pytest.LogCaptureFixture
) -> None:
    queue = MemoryQueue(encoded("a"), dequeue_count=dequeue_count)
    queue.is_poison = True
    listener = listen(queue, fail)
    eventually(lambda: queue.receives and not listener._in_work)
    listener.stop()
    assert listener.join(monotonic() + 10)
    assert (queue.deleted, queue.hidden, queue.poison) == ([], [], [])


def test_a_message_that_is_no_base64_goes_there_at_once_and_unchanged(listen: Listen) -> None:
    queue = MemoryQueue("{not base64}")
    ran: list[object] = []
    listen(queue, ran.append)
    eventually(lambda: queue.deleted == ["0"])
    assert (queue.poison, ran) == (["{not base64}"], [])


def test_a_body_that_is_no_text_fails_and_is_tried_again(listen: Listen) -> None:
    queue = MemoryQueue(base64.b64encode(b"\xff").decode())
    listen(queue, succeed)
    eventually(lambda: queue.hidden == [("0", 0)])
    assert queue.poison == []


def test_a_function_that_wants_bytes_gets_a_body_that_is_no_text(listen: Listen) -> None:
    queue = MemoryQueue(base64.b64encode(b"\xff").decode())
    bodies: list[bytes] = []
    listen(queue, lambda value: bodies.append(value.get_body()), binary=True)
    eventually(lambda: bodies == [b"\xff"])


def test_without_encoding_the_text_is_the_body(listen: Listen) -> None:
    queue = MemoryQueue("plain ü")
    bodies: list[bytes] = []
    listen(queue, lambda value: bodies.append(value.get_body()), settings=settings(messageEncoding="none"))
    eventually(lambda: bodies == ["plain ü".encode()])


def test_no_more_than_batch_and_threshold_are_in_work(listen: Listen) -> None:
    queue = MemoryQueue(*[encoded("a")] * 20)
    gate = threading.Semaphore(0)
    running: list[object] = []

    def wait(value: func.QueueMessage) -> None:
        running.append(value)
        gate.acquire(timeout=10)

    listen(queue, wait, settings=settings(batchSize=4, newBatchThreshold=2))
    eventually(lambda: len(running) == 4)
    assert queue.receives == [4]
    gate.release()
    eventually(lambda: len(queue.deleted) == 1)
    assert queue.receives == [4]
    gate.release()
    eventually(lambda: len(running) == 8)
    assert queue.receives == [4, 4]
    assert len(running) - len(queue.deleted) == 6
    gate.release(20)
    eventually(lambda: len(queue.deleted) == 20)


def test_an_empty_queue_is_polled_again(listen: Listen) -> None:
    queue = MemoryQueue()
    listen(queue, succeed)
    eventually(lambda: len(queue.receives) >= 4)


def test_a_notified_listener_does_not_wait(listen: Listen) -> None:
    queue = MemoryQueue()
    listener = listen(queue, succeed, settings=settings(maxPollingInterval="01:00:00"))
    for polls in range(1, 12):
        eventually(lambda polls=polls: len(queue.receives) >= polls)
        listener.notify()


def test_a_missing_queue_counts_as_empty(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    queue = MemoryQueue(encoded("a"))
    queue.exists = False
    with caplog.at_level(logging.INFO):
        listen(queue, succeed)
        eventually(lambda: len(queue.receives) >= 3)
        queue.exists = True
        eventually(lambda: queue.deleted == ["0"])
    assert [record.message for record in caplog.records] == ["queue does not exist yet"]


def test_an_outage_is_logged_once_and_survived(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    queue = MemoryQueue(encoded("a"))
    queue.failing = AWAY
    with caplog.at_level(logging.INFO):
        listen(queue, succeed)
        eventually(lambda: len(queue.receives) >= 3)
        queue.failing = None
        eventually(lambda: queue.deleted == ["0"])
    messages = [record.message for record in caplog.records]
    assert messages == ["queue could not be polled", "queue could be polled again"]


def test_an_unforeseen_error_does_not_end_the_listener(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    queue = MemoryQueue(encoded("a"))
    queue.failing = RuntimeError("unforeseen")
    listen(queue, succeed)
    eventually(lambda: len(queue.receives) >= 2)
    queue.failing = None
    eventually(lambda: queue.deleted == ["0"])
    assert "polling failed" in caplog.text


def test_a_message_that_cannot_be_settled_is_let_go(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    queue = MemoryQueue(encoded("a"))

    def go_away(value: func.QueueMessage) -> None:
        queue.failing = AWAY

    listen(queue, go_away)
    eventually(lambda: "message could not be settled and will come again" in caplog.text)
    assert queue.deleted == []


def test_a_long_running_message_is_kept_hidden_and_deleted_with_its_last_receipt(listen: Listen) -> None:
    queue = MemoryQueue(encoded("a"))
    released = threading.Event()
    listen(queue, lambda _: released.wait(10), hidden_seconds=1)
    eventually(lambda: len(queue.hidden) >= 2)
    assert queue.hidden[0] == ("0", 1)
    released.set()
    eventually(lambda: queue.deleted == ["0"])


def test_a_message_lost_to_another_is_renewed_no_more(
    listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    queue = MemoryQueue(encoded("a"))
    queue.lost = True
    released = threading.Event()
    listen(queue, lambda _: released.wait(10), hidden_seconds=1)
    eventually(lambda: "message lost to another receiver" in caplog.text)
    released.set()
    eventually(lambda: not queue.deleted)


def test_a_renewal_that_failed_is_tried_again(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    queue = MemoryQueue(encoded("a"))
    started, released = threading.Event(), threading.Event()

    def wait(value: func.QueueMessage) -> None:
        started.set()
        released.wait(10)

    listen(queue, wait, hidden_seconds=1)
    assert started.wait(10)
    queue.failing = AWAY
    eventually(lambda: "message could not be kept hidden" in caplog.text)
    queue.failing = None
    eventually(lambda: queue.hidden)
    released.set()
    eventually(lambda: queue.deleted == ["0"])


def test_stopping_waits_for_what_runs_and_gives_back_what_does_not() -> None:
    queue = MemoryQueue(*[encoded("a")] * 4)
    started, released = threading.Event(), threading.Event()

    def wait(value: func.QueueMessage) -> None:
        started.set()
        released.wait(10)

    with running_invocations(threads=1) as invocations:
        listener = QueueListener(queue_function(wait), queue, settings(), invocations)
        listener.start()
        assert started.wait(10)
        listener.stop()
        eventually(lambda: sorted(queue.hidden) == [("1", 0), ("2", 0), ("3", 0)])
        released.set()
        assert listener.join(monotonic() + 10)
    assert queue.deleted == ["0"]
    assert queue.closed


def test_stopping_gives_up_at_the_deadline() -> None:
    queue = MemoryQueue(encoded("a"))
    started, released = threading.Event(), threading.Event()

    def wait(value: func.QueueMessage) -> None:
        started.set()
        released.wait(10)

    with running_invocations(threads=1) as invocations:
        listener = QueueListener(queue_function(wait), queue, settings(), invocations)
        listener.start()
        assert started.wait(10)
        listener.stop()
        assert not listener.join(monotonic() + 0.1)
        released.set()
    assert queue.deleted == []
