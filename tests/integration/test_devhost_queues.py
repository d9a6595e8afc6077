"""The local host on a real Azurite: what becomes of messages."""

import base64
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from devhost.errors import MessageLostError
from devhost.queue_client import Storage, StorageQueue
from tests.support.services import StorageAccount
from tests.unit.devhost.support import HostProcess, copy_sample_app, eventually

Run = Callable[..., HostProcess]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def queue(storage_account: StorageAccount) -> Iterator[QueueClient]:
    """The sample app's queue; not made yet."""
    with QueueClient.from_connection_string(storage_account.connection_string, "greetings") as client:
        yield client


@pytest.fixture
def poison(storage_account: StorageAccount) -> Iterator[QueueClient]:
    with QueueClient.from_connection_string(storage_account.connection_string, "greetings-poison") as client:
        yield client


@pytest.fixture
def adapter(storage_account: StorageAccount) -> Iterator[StorageQueue]:
    storage = Storage({"Store": storage_account.connection_string})
    queue = storage.open("Store", "greetings", 4)
    yield queue
    queue.close()
    storage.close()


@pytest.fixture
def run(tmp_path: Path, storage_account: StorageAccount) -> Iterator[Run]:
    """Starts the sample app, its ``host.json`` changed by keyword under ``extensions.queues``."""
    processes: list[HostProcess] = []
    root = copy_sample_app(tmp_path)

    def start(**queues: Any) -> HostProcess:
        path = root / "host.json"
        settings = json.loads(path.read_text())
        settings["extensions"]["queues"].update(queues)
        path.write_text(json.dumps(settings))
        processes.append(HostProcess(root, AzureWebJobsStorage=storage_account.connection_string))
        return processes[-1]

    yield start
    for process in processes:
        process.close()


def texts(queue: QueueClient) -> list[str]:
    """What stands in a queue, hidden messages left out; nothing where there is no queue."""
    try:
        return [message.content for message in queue.peek_messages(max_messages=32)]
    except ResourceNotFoundError:
        return []


def count(queue: QueueClient) -> int | None:
    """How many messages there are, hidden ones included."""
    return queue.get_queue_properties().approximate_message_count


def test_messages_of_a_queue_made_later_are_handled_and_deleted(run: Run, queue: QueueClient) -> None:
    host = run()
    host.wait_for("queue does not exist yet")
    queue.create_queue()
    for number in range(40):
        queue.send_message(encoded(f"m{number}"))
    host.wait_for("greeting handled", count=40)
    eventually(lambda: count(queue) == 0)
    assert {record["body"] for record in host.found("greeting handled")} == {f"m{n}" for n in range(40)}


def test_a_failing_message_is_tried_again_and_then_poisoned(
    run: Run, queue: QueueClient, poison: QueueClient
) -> None:
    queue.create_queue()
    queue.send_message(encoded("fail"))
    host = run()
    host.wait_for("message moved to the poison queue", queue="greetings")
    eventually(lambda: count(queue) == 0)
    assert [record["dequeue_count"] for record in host.found("greeting received")] == [1, 2, 3]
    assert texts(poison) == [encoded("fail")]


def test_a_message_that_is_no_base64_is_poisoned_unchanged(
    run: Run, queue: QueueClient, poison: QueueClient
) -> None:
    queue.create_queue()
    queue.send_message('{"not": "base64"}')
    host = run()
    host.wait_for("message moved to the poison queue", dequeue_count=1)
    eventually(lambda: count(queue) == 0)
    assert texts(poison) == ['{"not": "base64"}']
    assert host.found("greeting received") == []


def test_without_encoding_the_text_is_handled_as_it_is(run: Run, queue: QueueClient) -> None:
    queue.create_queue()
    queue.send_message("plain")
    run(messageEncoding="none").wait_for("greeting handled", body="plain")


def test_a_stop_lets_a_message_under_way_end(run: Run, queue: QueueClient) -> None:
    queue.create_queue()
    queue.send_message(encoded("wait 1.5"))
    host = run()
    host.wait_for("greeting received")
    assert host.end() == 0
    host.wait_for("greeting handled", body="wait 1.5")
    assert count(queue) == 0


def test_a_killed_host_leaves_its_message_hidden(run: Run, queue: QueueClient) -> None:
    queue.create_queue()
    queue.send_message(encoded("wait 30"))
    host = run()
    host.wait_for("greeting received")
    host.signal(signal.SIGKILL)
    host.process.wait(timeout=20)
    assert (count(queue), texts(queue)) == (1, [])


def test_the_adapter_sees_the_facts_of_a_message(adapter: StorageQueue, queue: QueueClient) -> None:
    queue.create_queue()
    queue.send_message("text")
    (message,) = adapter.receive(16, 30) or []
    assert (message.text, message.dequeue_count) == ("text", 1)
    assert message.inserted_on is not None
    assert message.expires_on is not None
    assert message.next_visible_on is not None
    assert message.inserted_on < message.next_visible_on < message.expires_on


def test_the_adapter_asks_for_one_batch_only(adapter: StorageQueue, queue: QueueClient) -> None:
    queue.create_queue()
    for number in range(5):
        queue.send_message(str(number))
    assert [message.text for message in adapter.receive(3, 30) or []] == ["0", "1", "2"]
    assert [message.text for message in adapter.receive(3, 30) or []] == ["3", "4"]
    assert adapter.receive(3, 30) == []


def test_the_adapter_tells_a_missing_queue_from_an_empty_one(adapter: StorageQueue) -> None:
    assert adapter.receive(16, 30) is None


def test_hiding_keeps_the_text_and_changes_the_receipt(adapter: StorageQueue, queue: QueueClient) -> None:
    queue.create_queue()
    queue.send_message("text")
    (message,) = adapter.receive(1, 30) or []
    receipt = adapter.hide(message.message_id, message.pop_receipt, 0)
    with pytest.raises(MessageLostError):
        adapter.delete(message.message_id, message.pop_receipt)
    (again,) = adapter.receive(1, 30) or []
    assert (again.text, again.dequeue_count) == ("text", 2)
    with pytest.raises(MessageLostError):
        adapter.delete(message.message_id, receipt)
    adapter.delete(again.message_id, again.pop_receipt)
    with pytest.raises(MessageLostError):
        adapter.delete(again.message_id, again.pop_receipt)


def test_the_poison_queue_is_made_when_it_is_needed(adapter: StorageQueue, poison: QueueClient) -> None:
    adapter.send_to_poison("one")
    adapter.send_to_poison("two")
    assert texts(poison) == ["one", "two"]
