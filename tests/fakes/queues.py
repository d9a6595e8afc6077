"""A message queue in memory, with delays, losses, duplicates and outages."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from interfaces.queues import QueueDepth, ReceivedMessage
from schema.errors import QueueUnavailableError
from schema.messages import MAX_MESSAGE_BYTES, QueueMessage, TaskQueueMessage
from schema.queues import ALL_QUEUES, JOB_QUEUE, POISON_SUFFIX, TASK_QUEUE
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faults, Moment


@dataclass(frozen=True)
class QueuedMessage:
    """``visible_at``: when it may be delivered; ``dequeue_count``: how often it was."""

    message_id: str
    queue: str
    body: bytes
    sent_at: datetime
    visible_at: datetime
    dequeue_count: int = 0


class FakeQueueRepository:
    """Implements ``interfaces.queues.QueueRepository``, and lets tests play the host that receives.

    ``outage`` makes every call fail; ``given_up`` are the messages that went to a poison queue.
    """

    def __init__(self, clock: FakeClock, faults: Faults | None = None) -> None:
        self.outage = False
        self.faults = faults or Faults()
        self.messages: dict[str, QueuedMessage] = {}
        self.given_up: list[QueuedMessage] = []
        self._clock = clock
        self._ids = count(1)
        self._lock = threading.Lock()

    def send(self, message: QueueMessage, delay_seconds: float = 0.0) -> None:
        self.faults.reach(Moment.BEGIN)
        self._demand()
        queue = TASK_QUEUE if isinstance(message, TaskQueueMessage) else JOB_QUEUE
        body = message.model_dump_json(exclude_none=True).encode()
        if len(body) > MAX_MESSAGE_BYTES:
            raise AssertionError(f"a message of {len(body)} bytes is too large")
        self.put(queue, body, delay_seconds)
        self.faults.reach(Moment.COMMITTED)

    def ensure_queues(self) -> None:
        self._demand()

    def clear(self) -> None:
        self._demand()
        self.messages.clear()

    def receive(self, queue: str, limit: int) -> list[ReceivedMessage]:
        self._demand()
        waiting = [message for message in self.visible() if message.queue == queue]
        taken = [self.take(message, hidden_seconds=60) for message in waiting[: min(limit, 32)]]
        return [
            ReceivedMessage(queue, message.message_id, message.body, message.dequeue_count, "receipt")
            for message in taken
        ]

    def delete(self, message: ReceivedMessage) -> None:
        self._demand()
        self.messages.pop(message.message_id, None)

    def depth(self, queue: str) -> QueueDepth:
        self._demand()
        waiting = [message for message in self.messages.values() if message.queue == queue]
        visible = [message for message in self.visible() if message.queue == queue]
        age = (self._clock.now() - visible[0].sent_at).total_seconds() if visible else None
        return QueueDepth(queue, len(waiting), age)

    def depths(self) -> list[QueueDepth]:
        return [self.depth(queue) for queue in ALL_QUEUES]

    def put(self, queue: str, body: bytes, delay_seconds: float = 0.0) -> QueuedMessage:
        """Put any bytes into a queue."""
        now = self._clock.now()
        with self._lock:
            message = QueuedMessage(
                str(next(self._ids)), queue, body, now, now + timedelta(seconds=delay_seconds)
            )
            self.messages[message.message_id] = message
        return message

    def visible(self) -> list[QueuedMessage]:
        """What could be delivered now, oldest first."""
        now = self._clock.now()
        return [message for message in self.messages.values() if message.visible_at <= now]

    def take(self, message: QueuedMessage, hidden_seconds: float = 600.0) -> QueuedMessage:
        """Hide the message and count the delivery, as the host does it."""
        received = replace(
            message,
            dequeue_count=message.dequeue_count + 1,
            visible_at=self._clock.now() + timedelta(seconds=hidden_seconds),
        )
        self.messages[message.message_id] = received
        return received

    def give_back(self, message: QueuedMessage) -> None:
        """Make a received message visible again, as the host does after a failure."""
        self.messages[message.message_id] = replace(message, visible_at=self._clock.now())

    def duplicate(self, message: QueuedMessage) -> QueuedMessage:
        return self.put(message.queue, message.body)

    def give_up(self, message: QueuedMessage) -> QueuedMessage:
        """Move the message to its poison queue, as the host does after its last delivery."""
        self.discard(message)
        self.given_up.append(message)
        return self.put(message.queue + POISON_SUFFIX, message.body)

    def discard(self, message: QueuedMessage) -> None:
        self.messages.pop(message.message_id, None)

    def _demand(self) -> None:
        if self.outage:
            raise QueueUnavailableError("the queue is away")
