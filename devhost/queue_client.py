"""One Storage Queue with its poison queue, through one client each and one pool of connections."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import DefaultAzureCredential
from azure.storage.queue import LinearRetry, QueueClient
from requests import Session
from requests.adapters import HTTPAdapter

from devhost.errors import MessageLostError, StartError, StorageUnavailableError

_CONNECT_SECONDS = 5
_READ_SECONDS = 20
_RETRIES = 2
_RETRY_SECONDS = 1
_LOST = frozenset(
    {"MessageNotFound", "PopReceiptMismatch", "QueueNotFound", "QueueBeingDeleted", "QueueDisabled"}
)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_POISON_SUFFIX = "-poison"


@dataclass(frozen=True)
class ReceivedMessage:
    """A message as it stands in the queue; ``text`` is still encoded."""

    message_id: str
    text: str
    dequeue_count: int
    pop_receipt: str
    inserted_on: datetime | None
    expires_on: datetime | None
    next_visible_on: datetime | None


class Queue(Protocol):
    """What a listener needs of a queue. Every call raises ``StorageUnavailableError``."""

    @property
    def name(self) -> str: ...

    @property
    def poison_name(self) -> str: ...

    @property
    def is_poison(self) -> bool:
        """Whether this is a poison queue, which has none of its own."""
        ...

    def receive(self, count: int, hidden_seconds: int) -> list[ReceivedMessage] | None:
        """Messages, hidden for a time; ``None`` where the queue does not exist."""
        ...

    def delete(self, message_id: str, pop_receipt: str) -> None:
        """Raises ``MessageLostError``."""
        ...

    def hide(self, message_id: str, pop_receipt: str, seconds: int) -> str:
        """Hide the message for so long from now; returns its new receipt. Raises ``MessageLostError``."""
        ...

    def send_to_poison(self, text: str) -> None:
        """Copy a message's text as it is; the poison queue is made where it is missing."""
        ...

    def close(self) -> None: ...


class StorageQueue:
    """Implements ``Queue``. ``connections`` is how many calls may be under way at once."""

    def __init__(self, name: str, make_client: Callable[..., QueueClient], connections: int) -> None:
        self.name = name
        self.poison_name = name + _POISON_SUFFIX
        self.is_poison = name.endswith(_POISON_SUFFIX)
        session = Session()
        adapter = HTTPAdapter(pool_connections=2, pool_maxsize=connections)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        options = {
            "transport": RequestsTransport(
                session=session, connection_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS
            ),
            "retry_policy": LinearRetry(backoff=_RETRY_SECONDS, retry_total=_RETRIES, random_jitter_range=0),
        }
        self._queue = make_client(name, **options)
        self._poison = make_client(self.poison_name, **options)
        # a proxy, and the search for one at each request, makes no sense on the way to this machine
        session.trust_env = urlsplit(self._queue.url).hostname not in _LOOPBACK

    def receive(self, count: int, hidden_seconds: int) -> list[ReceivedMessage] | None:
        with _translated_errors():
            try:
                pages = self._queue.receive_messages(
                    messages_per_page=count, visibility_timeout=hidden_seconds, retry_total=0
                ).by_page()
                # one page only: the iterator would ask again until the queue is empty
                messages = list(next(pages, iter(())))
            except ResourceNotFoundError:
                return None
        return [
            ReceivedMessage(
                message_id=message.id,
                text=cast("str | None", message.content) or "",
                dequeue_count=message.dequeue_count or 1,
                pop_receipt=message.pop_receipt or "",
                inserted_on=message.inserted_on,
                expires_on=message.expires_on,
                next_visible_on=message.next_visible_on,
            )
            for message in messages
        ]

    def delete(self, message_id: str, pop_receipt: str) -> None:
        with _translated_errors(_LOST):
            self._queue.delete_message(message_id, pop_receipt)

    def hide(self, message_id: str, pop_receipt: str, seconds: int) -> str:
        with _translated_errors(_LOST):
            updated = self._queue.update_message(message_id, pop_receipt, visibility_timeout=seconds)
        return updated.pop_receipt or pop_receipt

    def send_to_poison(self, text: str) -> None:
        with _translated_errors():
            try:
                self._poison.send_message(text)
            except ResourceNotFoundError:
                self._make_poison_queue()
                self._poison.send_message(text)

    def close(self) -> None:
        self._poison.close()
        self._queue.close()

    def _make_poison_queue(self) -> None:
        try:
            self._poison.create_queue()
        except ResourceExistsError:
            return


class Storage:
    """Finds the account that a connection setting means, as the Functions host does.

    Either ``<connection>`` holds a connection string, or ``<connection>__queueServiceUri`` an address that
    is used with the identity of ``DefaultAzureCredential`` (``<connection>__clientId`` chooses one). A name
    prefixed with ``AzureWebJobs`` is tried first.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._credentials: list[DefaultAzureCredential] = []

    def open(self, connection: str, queue: str, connections: int) -> StorageQueue:
        """A queue of the account; nothing is connected yet. Raises ``StartError``."""
        for prefix in (f"AzureWebJobs{connection}", connection):
            text = self._environment.get(prefix)
            uri = self._environment.get(f"{prefix}__queueServiceUri")
            if text or uri:
                make = _from_string(text) if text else self._from_uri(uri or "", prefix)
                return self._open(connection, queue, make, connections)
        raise StartError(
            f"queue {queue!r}: neither {connection} nor {connection}__queueServiceUri is set, "
            f"so that its storage account is not known"
        )

    def close(self) -> None:
        for credential in self._credentials:
            credential.close()

    def _open(
        self, connection: str, queue: str, make: Callable[..., QueueClient], connections: int
    ) -> StorageQueue:
        try:
            return StorageQueue(queue, make, connections)
        except ValueError as exc:
            raise StartError(f"queue {queue!r}: the setting {connection} is not usable") from exc

    def _from_uri(self, uri: str, prefix: str) -> Callable[..., QueueClient]:
        credential = DefaultAzureCredential(
            managed_identity_client_id=self._environment.get(f"{prefix}__clientId")
        )
        self._credentials.append(credential)

        def make(name: str, **options: Any) -> QueueClient:
            return QueueClient(uri, name, credential=cast("TokenCredential", credential), **options)

        return make


def _from_string(text: str) -> Callable[..., QueueClient]:
    def make(name: str, **options: Any) -> QueueClient:
        return QueueClient.from_connection_string(text, name, **options)

    return make


@contextmanager
def _translated_errors(lost: frozenset[str] = frozenset()) -> Generator[None]:
    """``lost``: the codes that mean that the message is no longer ours."""
    try:
        yield
    except HttpResponseError as exc:
        code = _code_of(exc)
        if code in lost:
            raise MessageLostError(code) from exc
        raise StorageUnavailableError(code) from exc
    except AzureError as exc:
        raise StorageUnavailableError(type(exc).__name__) from exc


def _code_of(error: HttpResponseError) -> str:
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code)
