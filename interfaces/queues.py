"""What the orchestration asks of the message queues."""

from dataclasses import dataclass
from typing import Protocol

from schema.messages import QueueMessage


@dataclass(frozen=True)
class QueueDepth:
    """``oldest_age_seconds`` is that of the message at the front, if it can be told."""

    queue: str
    approximate_messages: int
    oldest_age_seconds: float | None = None


class QueueRepository(Protocol):
    """Sends messages; receiving is the host's work."""

    def send(self, message: QueueMessage, delay_seconds: float = 0.0) -> None:
        """Send one message, visible after the delay (up to 7 days). Raises ``QueueUnavailableError``."""
        ...

    def ensure_queues(self) -> None:
        """Create the queues that are missing."""
        ...

    def clear(self) -> None:
        """Empty all queues, the poison queues too."""
        ...

    def depths(self) -> list[QueueDepth]: ...
