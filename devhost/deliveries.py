"""A message on its way through a function: its body, its receipt, the renewal of its visibility."""

import base64
import binascii
import logging
import threading
from time import monotonic

from azure.functions.queue import QueueMessage

from devhost.errors import MessageLostError, StorageUnavailableError
from devhost.polling import RenewalDelays
from devhost.queue_client import Queue, ReceivedMessage
from devhost.settings import MessageEncoding

_log = logging.getLogger(__name__)


class UndecodableError(ValueError):
    """The text is not encoded as ``host.json`` says."""


def decode(text: str, encoding: MessageEncoding) -> bytes:
    """The body; white space within base64 does not count. Raises ``UndecodableError``."""
    if encoding is MessageEncoding.NONE:
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise UndecodableError("the message is not base64") from exc


def to_function(message: ReceivedMessage, body: bytes) -> QueueMessage:
    """The message as a function gets it."""
    return QueueMessage(
        id=message.message_id,  # pyright: ignore[reportArgumentType] -- the library types its defaults, None
        body=body,  # pyright: ignore[reportArgumentType] -- as above
        dequeue_count=message.dequeue_count,  # pyright: ignore[reportArgumentType] -- as above
        expiration_time=message.expires_on,  # pyright: ignore[reportArgumentType] -- as above
        insertion_time=message.inserted_on,  # pyright: ignore[reportArgumentType] -- as above
        time_next_visible=message.next_visible_on,  # pyright: ignore[reportArgumentType] -- as above
        pop_receipt=message.pop_receipt,  # pyright: ignore[reportArgumentType] -- as above
    )


class Delivery:
    """A received message and the receipt that is valid now."""

    def __init__(self, message: ReceivedMessage, delays: RenewalDelays) -> None:
        self.message = message
        self.due = monotonic() + delays.next(succeeded=True)
        self._delays = delays
        self._receipt = message.pop_receipt
        self._lock = threading.Lock()
        self._held = True

    @property
    def held(self) -> bool:
        """Whether it must be renewed: it is neither lost nor about to be settled."""
        return self._held

    def renew(self, queue: Queue, seconds: int) -> None:
        """Hide the message for so long from now. Never raises: where it fails it is due again sooner."""
        with self._lock:
            if not self._held:
                return
            try:
                self._receipt = queue.hide(self.message.message_id, self._receipt, seconds)
                self.due = monotonic() + self._delays.next(succeeded=True)
            except MessageLostError:
                self._held = False
                _log.warning("message lost to another receiver", extra=self._facts(queue))
            except StorageUnavailableError as exc:
                self.due = monotonic() + self._delays.next(succeeded=False)
                _log.warning(
                    "message could not be kept hidden", extra={**self._facts(queue), "reason": exc.reason}
                )

    def take_receipt(self) -> str:
        """End the renewals and return the receipt to settle the message with."""
        with self._lock:
            self._held = False
            return self._receipt

    def _facts(self, queue: Queue) -> dict[str, object]:
        return {"queue": queue.name, "message_id": self.message.message_id}


class Renewer:
    """Keeps the messages in work hidden, from one thread."""

    def __init__(self, queue: Queue, hidden_seconds: int, minimum_seconds: float = 60.0) -> None:
        self._queue = queue
        self._hidden_seconds = hidden_seconds
        self._interval = hidden_seconds / 2
        self._minimum_seconds = minimum_seconds
        self._lock = threading.Lock()
        self._deliveries: set[Delivery] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"renew {queue.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, message: ReceivedMessage) -> Delivery:
        delivery = Delivery(message, RenewalDelays(self._interval, self._minimum_seconds))
        with self._lock:
            self._deliveries.add(delivery)
        return delivery

    def remove(self, delivery: Delivery) -> str:
        """End its renewals; returns the receipt to settle it with."""
        with self._lock:
            self._deliveries.discard(delivery)
        return delivery.take_receipt()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        # one added while this thread waits is not due before an interval is over
        wait = self._interval
        while not self._stopping.wait(wait):
            with self._lock:
                held = [delivery for delivery in self._deliveries if delivery.held]
            for delivery in held:
                if delivery.due <= monotonic():
                    delivery.renew(self._queue, self._hidden_seconds)
            next_due = min((delivery.due for delivery in held), default=monotonic() + self._interval)
            wait = max(next_due - monotonic(), 0.01)
