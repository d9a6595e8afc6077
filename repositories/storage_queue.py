"""The message queues in Azure Storage: sending, and what operators ask of them."""

import logging
import math
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient, TextBase64EncodePolicy
from azure.storage.queue import QueueMessage as StorageMessage

from interfaces.queues import QueueDepth, ReceivedMessage
from repositories.storage_connection import StorageConnection
from schema.errors import QueueUnavailableError
from schema.messages import QueueMessage, TaskQueueMessage, body_of
from schema.queues import ALL_QUEUES, JOB_QUEUE, TASK_QUEUE

_log = logging.getLogger(__name__)

_CALL_SECONDS = 15
_KEPT_FOR_EVER = -1
_LARGEST_BATCH = 32
_HIDDEN_SECONDS = 60
_LONGEST_DELAY_SECONDS = 7 * 24 * 3600 - 1


class StorageQueueRepository:
    """Implements ``interfaces.queues.QueueRepository``: one client for each queue, made once.

    Messages are sent in base64, as other senders do by default; ``schema.messages.body_of`` reads them.
    """

    def __init__(self, connection: StorageConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._clients: dict[str, QueueClient] = {}

    def send(self, message: QueueMessage, delay_seconds: float = 0.0) -> None:
        queue = TASK_QUEUE if isinstance(message, TaskQueueMessage) else JOB_QUEUE
        text = message.model_dump_json(exclude_none=True)
        delay = min(_LONGEST_DELAY_SECONDS, math.ceil(delay_seconds))
        with _reported(queue):
            self._in_existing_queue(queue, lambda client: _send(client, text, delay))

    def ensure_queues(self) -> None:
        for queue in ALL_QUEUES:
            with _reported(queue):
                _create(self._client(queue))

    def clear(self) -> None:
        for queue in ALL_QUEUES:
            with _reported(queue):
                self._in_existing_queue(queue, lambda client: client.clear_messages(timeout=_CALL_SECONDS))

    def receive(self, queue: str, limit: int) -> list[ReceivedMessage]:
        client = self._client(queue)
        with _reported(queue):
            try:
                messages = client.receive_messages(
                    max_messages=min(limit, _LARGEST_BATCH),
                    visibility_timeout=_HIDDEN_SECONDS,
                    timeout=_CALL_SECONDS,
                )
                return [self._received(queue, message) for message in messages]
            except ResourceNotFoundError:
                return []

    def delete(self, message: ReceivedMessage) -> None:
        with _reported(message.queue):
            try:
                self._client(message.queue).delete_message(
                    message.message_id, message.receipt, timeout=_CALL_SECONDS
                )
            except ResourceNotFoundError:
                return

    def depth(self, queue: str) -> QueueDepth:
        client = self._client(queue)
        with _reported(queue):
            try:
                count = client.get_queue_properties(timeout=_CALL_SECONDS).approximate_message_count or 0
                front = client.peek_messages(1, timeout=_CALL_SECONDS)
            except ResourceNotFoundError:
                return QueueDepth(queue, 0)
        inserted = front[0].inserted_on if front else None
        age = (datetime.now(UTC) - inserted).total_seconds() if inserted else None
        return QueueDepth(queue, count, age)

    def depths(self) -> list[QueueDepth]:
        return [self.depth(queue) for queue in ALL_QUEUES]

    def close(self) -> None:
        """Forget the clients; their connections belong to the ``StorageConnection``."""
        with self._lock:
            self._clients.clear()

    def _received(self, queue: str, message: StorageMessage) -> ReceivedMessage:
        return ReceivedMessage(
            queue,
            message.id,
            body_of(str(message.content or "").encode()),
            message.dequeue_count or 1,
            message.pop_receipt or "",
        )

    def _in_existing_queue(self, queue: str, call: Callable[[QueueClient], None]) -> None:
        client = self._client(queue)
        try:
            call(client)
        except ResourceNotFoundError:
            _create(client)
            call(client)

    def _client(self, queue: str) -> QueueClient:
        with self._lock:
            client = self._clients.get(queue)
            if client is None:
                service = self._connection.queue_service()
                client = service.get_queue_client(queue, message_encode_policy=TextBase64EncodePolicy())
                self._clients[queue] = client
                _log.info("queue client made", extra={"queue": queue})
            return client


def _send(client: QueueClient, text: str, delay: int) -> None:
    client.send_message(
        text, visibility_timeout=delay or None, time_to_live=_KEPT_FOR_EVER, timeout=_CALL_SECONDS
    )


def _create(client: QueueClient) -> None:
    try:
        client.create_queue(timeout=_CALL_SECONDS)
    except ResourceExistsError:
        return
    _log.info("queue created", extra={"queue": client.queue_name})


@contextmanager
def _reported(queue: str) -> Generator[None]:
    """Whatever the SDK raises leaves as ``QueueUnavailableError``, which tells no address and no key."""
    try:
        yield
    except AzureError as exc:
        raise QueueUnavailableError(f"the queue {queue} did not answer as it should") from exc
