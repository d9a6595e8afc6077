"""What every ``QueueRepository`` must do."""

import base64
from collections.abc import Iterator
from typing import Protocol

import pytest
from azure.storage.queue import TextBase64DecodePolicy

from interfaces.queues import QueueRepository, ReceivedMessage
from repositories.storage_connection import StorageConnection
from repositories.storage_queue import StorageQueueRepository
from schema.errors import QueueUnavailableError
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.queues import ALL_QUEUES, JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueueRepository
from tests.support.services import StorageAccount

JOB_MESSAGE = JobQueueMessage(job_id="a" * 64, run=1, stage=2, correlation_id="corr-1")
TASK_MESSAGE = TaskQueueMessage(
    job_id="a" * 64,
    run=1,
    stage=2,
    correlation_id="corr-1",
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    task_id="aaaaaaaa-r1-s2-0-" + "c" * 32,
    attempt=1,
)


class QueueWorld(Protocol):
    """A queue repository, and the host's side of its queues."""

    @property
    def queue(self) -> QueueRepository: ...

    def received(self, queue: str) -> list[bytes]:
        """All messages that are visible now; each is taken off."""
        ...

    def unreachable(self) -> QueueRepository:
        """A repository whose service does not answer as it should."""
        ...


class FakeQueueWorld:
    def __init__(self) -> None:
        self.queue = FakeQueueRepository(FakeClock())

    def received(self, queue: str) -> list[bytes]:
        messages = [message for message in self.queue.visible() if message.queue == queue]
        for message in messages:
            self.queue.discard(message)
        return [message.body for message in messages]

    def unreachable(self) -> QueueRepository:
        self.queue.outage = True
        return self.queue


class StorageQueueWorld:
    def __init__(self, account: StorageAccount, storage: StorageConnection) -> None:
        self._account = account
        self._storage = storage
        self._refused: StorageConnection | None = None
        self.queue = StorageQueueRepository(storage)

    def received(self, queue: str) -> list[bytes]:
        client = self._storage.queue_service().get_queue_client(
            queue, message_decode_policy=TextBase64DecodePolicy()
        )
        bodies: list[bytes] = []
        for message in client.receive_messages(messages_per_page=32):
            client.delete_message(message)
            bodies.append(message.content.encode())
        return bodies

    def unreachable(self) -> QueueRepository:
        key = base64.b64encode(b"not the key of this account").decode()
        parts = dict(part.split("=", 1) for part in self._account.connection_string.strip(";").split(";"))
        parts["AccountKey"] = key
        self._refused = StorageConnection(";".join(f"{name}={value}" for name, value in parts.items()))
        return StorageQueueRepository(self._refused)

    def close(self) -> None:
        if self._refused is not None:
            self._refused.close()


@pytest.fixture(params=["fake", "storage"])
def world(request: pytest.FixtureRequest) -> Iterator[QueueWorld]:
    if request.param == "fake":
        yield FakeQueueWorld()
        return
    made = StorageQueueWorld(request.getfixturevalue("storage_account"), request.getfixturevalue("storage"))
    yield made
    made.close()


def counts(world: QueueWorld) -> dict[str, int]:
    return {depth.queue: depth.approximate_messages for depth in world.queue.depths()}


def test_a_job_message_reaches_the_job_queue_as_it_was_sent(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(JOB_MESSAGE)
    (body,) = world.received(JOB_QUEUE)
    assert JobQueueMessage.model_validate_json(body) == JOB_MESSAGE
    assert world.received(TASK_QUEUE) == []


def test_a_task_message_reaches_the_task_queue_as_it_was_sent(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(TASK_MESSAGE)
    (body,) = world.received(TASK_QUEUE)
    assert TaskQueueMessage.model_validate_json(body) == TASK_MESSAGE
    assert world.received(JOB_QUEUE) == []


def test_a_message_that_is_to_wait_is_not_delivered_yet(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(TASK_MESSAGE, delay_seconds=300)
    assert world.received(TASK_QUEUE) == []
    assert counts(world)[TASK_QUEUE] == 1


def test_a_part_of_a_second_is_a_delay(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(TASK_MESSAGE, delay_seconds=0.4)
    assert counts(world)[TASK_QUEUE] == 1


def test_a_queue_is_made_where_it_is_missing(world: QueueWorld) -> None:
    world.queue.send(JOB_MESSAGE)
    assert len(world.received(JOB_QUEUE)) == 1


def test_making_the_queues_again_loses_nothing(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(JOB_MESSAGE)
    world.queue.ensure_queues()
    assert counts(world)[JOB_QUEUE] == 1


def test_clearing_empties_all_queues(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(JOB_MESSAGE)
    world.queue.send(TASK_MESSAGE, delay_seconds=300)
    world.queue.clear()
    assert counts(world) == dict.fromkeys(ALL_QUEUES, 0)


def test_clearing_what_is_not_there_is_nothing(world: QueueWorld) -> None:
    world.queue.clear()


def test_depths_tell_of_each_queue(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(JOB_MESSAGE)
    assert counts(world) == {**dict.fromkeys(ALL_QUEUES, 0), JOB_QUEUE: 1}


def test_a_depth_tells_the_age_of_the_message_at_the_front(world: QueueWorld) -> None:
    world.queue.ensure_queues()
    world.queue.send(JOB_MESSAGE)
    job_queue, task_queue, *_ = world.queue.depths()
    assert job_queue.oldest_age_seconds is not None
    assert job_queue.oldest_age_seconds < 60
    assert task_queue.oldest_age_seconds is None


class TestReceive:
    def test_a_message_is_received_as_it_was_sent(self, world: QueueWorld) -> None:
        world.queue.ensure_queues()
        world.queue.send(JOB_MESSAGE)
        (message,) = world.queue.receive(JOB_QUEUE, 32)
        assert JobQueueMessage.model_validate_json(message.body) == JOB_MESSAGE
        assert (message.queue, message.dequeue_count) == (JOB_QUEUE, 1)

    def test_a_received_message_is_hidden_and_not_gone(self, world: QueueWorld) -> None:
        world.queue.ensure_queues()
        world.queue.send(JOB_MESSAGE)
        world.queue.receive(JOB_QUEUE, 32)
        assert list(world.queue.receive(JOB_QUEUE, 32)) == []
        assert counts(world)[JOB_QUEUE] == 1

    def test_a_deleted_message_is_gone(self, world: QueueWorld) -> None:
        world.queue.ensure_queues()
        world.queue.send(JOB_MESSAGE)
        (message,) = world.queue.receive(JOB_QUEUE, 32)
        world.queue.delete(message)
        assert counts(world)[JOB_QUEUE] == 0

    def test_deleting_what_is_gone_is_nothing(self, world: QueueWorld) -> None:
        world.queue.ensure_queues()
        world.queue.send(JOB_MESSAGE)
        (message,) = world.queue.receive(JOB_QUEUE, 32)
        world.queue.delete(message)
        world.queue.delete(message)
        assert counts(world)[JOB_QUEUE] == 0

    @pytest.mark.parametrize(("limit", "received"), [(2, 2), (5, 3), (100, 3)])
    def test_no_more_are_received_than_asked_for(self, world: QueueWorld, limit: int, received: int) -> None:
        world.queue.ensure_queues()
        for _ in range(3):
            world.queue.send(JOB_MESSAGE)
        assert len(world.queue.receive(JOB_QUEUE, limit)) == received

    def test_a_queue_that_is_not_there_gives_none(self, world: QueueWorld) -> None:
        assert list(world.queue.receive(JOB_QUEUE + POISON_SUFFIX, 32)) == []


def test_queues_that_are_not_there_are_empty(world: QueueWorld) -> None:
    assert sum(counts(world).values()) == 0


def test_a_service_that_does_not_answer_is_reported_without_its_address(world: QueueWorld) -> None:
    queue = world.unreachable()
    for call in (
        lambda: queue.send(JOB_MESSAGE),
        lambda: queue.receive(JOB_QUEUE, 1),
        lambda: queue.delete(ReceivedMessage(JOB_QUEUE, "m-1", b"", 1, "receipt")),
        queue.ensure_queues,
        queue.clear,
        queue.depths,
    ):
        with pytest.raises(QueueUnavailableError) as caught:
            call()
        assert "127.0.0.1" not in str(caught.value)
