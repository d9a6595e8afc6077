"""What the orchestration asks of the message queues."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from schema.messages import QueueMessage


@dataclass(frozen=True)
class QueueDepth:
    """``oldest_age_seconds`` is that of the message at the front, if it can be told."""

    queue: str
    approximate_messages: int
    oldest_age_seconds: float | None = None


@dataclass(frozen=True)
class ReceivedMessage:
    """A message taken from a queue, hidden from others for a while; ``receipt`` is what deletes it."""

    queue: str
    message_id: str
    body: bytes
    dequeue_count: int
    receipt: str


class QueueRepository(Protocol):
    """Sends messages; receiving is the host's work, but for what operators ask of the poison queues."""

    def send(self, message: QueueMessage, delay_seconds: float = 0.0) -> None:
        """Send one message, visible after the delay (up to 7 days). Raises ``QueueUnavailableError``."""
        ...

    def ensure_queues(self) -> None:
        """Create the queues that are missing."""
        ...

    def clear(self) -> None:
        """Empty all queues, the poison queues too."""
        ...

    def receive(self, queue: str, limit: int) -> Sequence[ReceivedMessage]:
        """Take up to 32 messages, hidden for a minute."""
        ...

    def delete(self, message: ReceivedMessage) -> None:
        """Delete a received message; one that is gone already is no error."""
        ...

    def depth(self, queue: str) -> QueueDepth:
        """Of one queue; empty where it is not there."""
        ...

    def depths(self) -> list[QueueDepth]:
        """Of all queues."""
        ...
