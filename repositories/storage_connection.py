"""The way to Azure Storage: one client for each service for the whole process."""

import logging
import threading
from random import uniform
from typing import Any

from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient
from azure.storage.blob import ExponentialRetry as BlobRetry
from azure.storage.queue import ExponentialRetry as QueueRetry
from azure.storage.queue import QueueServiceClient
from requests import Session
from requests.adapters import HTTPAdapter

from repositories.identity import AzureIdentity
from schema.errors import ConfigurationError

_log = logging.getLogger(__name__)

_CONNECTION_TIMEOUT_SECONDS = 5
_READ_TIMEOUT_SECONDS = 30
_RETRIES = 3
_FIRST_BACKOFF_SECONDS = 0.25
_POOL_SIZE = 64


class StorageConnection:
    """Makes each client when it is first asked for, and keeps it. ``close`` ends their connections.

    With a connection string its key is the credential; with service addresses it is the identity of the
    process, which belongs to the caller.
    """

    def __init__(
        self,
        connection_string: str | None = None,
        queue_uri: str | None = None,
        blob_uri: str | None = None,
        identity: AzureIdentity | None = None,
    ) -> None:
        self._connection_string = connection_string
        self._queue_uri = queue_uri
        self._blob_uri = blob_uri
        self._identity = identity or AzureIdentity()
        self._lock = threading.RLock()
        self._queues: QueueServiceClient | None = None
        self._blobs: BlobServiceClient | None = None

    def queue_service(self) -> QueueServiceClient:
        """Raises ``ConfigurationError`` where the connection string is none."""
        with self._lock:
            if self._queues is None:
                self._queues = self._make_queues()
                _log.info(
                    "storage client made", extra={"service": "queue", "account": _account(self._queues)}
                )
            return self._queues

    def blob_service(self) -> BlobServiceClient:
        """Raises ``ConfigurationError`` where the connection string is none."""
        with self._lock:
            if self._blobs is None:
                self._blobs = self._make_blobs()
                _log.info("storage client made", extra={"service": "blob", "account": _account(self._blobs)})
            return self._blobs

    def close(self) -> None:
        with self._lock:
            clients = (self._queues, self._blobs)
            self._queues = self._blobs = None
        for client in clients:
            if client is not None:
                client.close()

    def _make_queues(self) -> QueueServiceClient:
        options = _options(_QueueRetry(retry_total=_RETRIES))
        if self._connection_string is None:
            return QueueServiceClient(
                self._queue_uri or "", credential=self._identity.credential(), **options
            )
        try:
            return QueueServiceClient.from_connection_string(self._connection_string, **options)
        except ValueError:
            raise _unusable() from None

    def _make_blobs(self) -> BlobServiceClient:
        options = _options(_BlobRetry(retry_total=_RETRIES))
        if self._connection_string is None:
            return BlobServiceClient(self._blob_uri or "", credential=self._identity.credential(), **options)
        try:
            return BlobServiceClient.from_connection_string(self._connection_string, **options)
        except ValueError:
            raise _unusable() from None


class _FullJitter:
    """Waits up to 0.5, 1, 2 s: the SDK's own delays start at seconds, too long for a caller who waits, and
    what cannot be sent now stays in the outbox anyway."""

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        """Seconds to wait before the retry with this ``count``, drawn from the whole interval."""
        return uniform(0.0, _FIRST_BACKOFF_SECONDS * 2 ** settings["count"])  # noqa: S311 -- no secret


class _QueueRetry(_FullJitter, QueueRetry):
    pass


class _BlobRetry(_FullJitter, BlobRetry):
    pass


def _options(retry: object) -> dict[str, Any]:
    session = Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=_POOL_SIZE)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.trust_env = False
    transport = RequestsTransport(
        session=session,
        use_env_settings=False,
        connection_timeout=_CONNECTION_TIMEOUT_SECONDS,
        read_timeout=_READ_TIMEOUT_SECONDS,
    )
    return {"retry_policy": retry, "transport": transport}


def _account(client: QueueServiceClient | BlobServiceClient) -> str | None:
    return client.account_name


def _unusable() -> ConfigurationError:
    return ConfigurationError("AzureWebJobsStorage is not a connection string of a storage account")
