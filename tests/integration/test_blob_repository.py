"""The blob adapter against the storage emulator, and against a transport that fails in every way."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self, cast

import azure.core.exceptions as sdk
import pytest
from azure.core.pipeline.transport import HttpTransport
from azure.storage.blob import BlobServiceClient, ContentSettings

from interfaces.blobs import BlobInfo
from repositories.storage_blob import StorageBlobRepository
from repositories.storage_blob_errors import task_error
from repositories.storage_connection import StorageConnection
from schema.errors import (
    BlobUnavailableError,
    PermanentTaskError,
    RetryableTaskError,
    TaskError,
    ThrottledTaskError,
)
from tests.contracts.blob_suite import BlobRepositoryContract, Put
from tests.support.services import StorageAccount

READABLE = ("bronze", "silver", "gold")
HOST = "unreachable.example"
KEY = "c2VjcmV0c2VjcmV0"


class TestStorageBlobRepository(BlobRepositoryContract):
    @pytest.fixture
    def blobs(self, storage: StorageConnection) -> StorageBlobRepository:
        for container in ("bronze", "silver"):
            storage.blob_service().create_container(container)
        return StorageBlobRepository(storage, READABLE, ("silver",))

    @pytest.fixture
    def put(self, storage: StorageConnection, blobs: StorageBlobRepository) -> Put:
        def upload(
            container: str, name: str, data: bytes = b"", content_type: str = "text/plain"
        ) -> BlobInfo:
            client = storage.blob_service().get_blob_client(container, name)
            settings = ContentSettings(content_type=content_type)
            client.upload_blob(data, overwrite=True, content_settings=settings)
            return blobs.info(container, name)

        return upload

    def test_pages_through_more_blobs_than_one_page_has(
        self, storage: StorageConnection, blobs: StorageBlobRepository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("repositories.storage_blob._PAGE", 7)
        client = storage.blob_service().get_container_client("bronze")
        names = [f"{number:03d}" for number in range(30)]
        for name in names:
            client.upload_blob(name, b"")
        assert [blob.name for blob in blobs.list_blobs("bronze")] == names

    def test_folders_of_a_hierarchical_namespace_are_no_files(
        self, storage: StorageConnection, blobs: StorageBlobRepository
    ) -> None:
        client = storage.blob_service().get_container_client("bronze")
        client.upload_blob("folder", b"", metadata={"hdi_isfolder": "true"})
        client.upload_blob("folder/file", b"", metadata={"owner": "somebody"})
        assert [blob.name for blob in blobs.list_blobs("bronze")] == ["folder/file"]

    def test_a_range_longer_than_one_request_is_read_whole(
        self, blobs: StorageBlobRepository, put: Put
    ) -> None:
        data = bytes(range(256)) * (36 * 1024 * 4)
        put("bronze", "large", data)
        assert blobs.read_range("bronze", "large", 1, len(data)) == data[1:]

    def test_an_address_has_no_signature(
        self, storage_account: StorageAccount, blobs: StorageBlobRepository
    ) -> None:
        address = blobs.address_of("silver", "a folder/ü.json")
        assert address.endswith("/silver/a%20folder/%C3%BC.json")
        parts = storage_account.connection_string.split(";")
        keyless = ";".join(part for part in parts if part and not part.startswith("AccountKey="))
        signed = StorageConnection(f"{keyless};SharedAccessSignature=sig=secret")
        try:
            other = StorageBlobRepository(signed, ("silver",), ("silver",))
            assert other.address_of("silver", "a folder/ü.json") == address
        finally:
            signed.close()

    def test_ping_needs_no_container(self, storage: StorageConnection) -> None:
        StorageBlobRepository(storage, (), ("not-there",)).ping()


class FailingTransport(HttpTransport[Any, Any]):
    """Raises the same error for each request."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def send(self, *_: object, **__: object) -> NoReturn:
        raise self._error

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None: ...


class FailingConnection:
    def __init__(self, error: Exception) -> None:
        self._service = BlobServiceClient(
            f"https://account.{HOST}",
            credential={"account_name": "account", "account_key": KEY},
            transport=FailingTransport(error),
            retry_total=0,
        )

    def blob_service(self) -> BlobServiceClient:
        return self._service


class Response:
    """As much of a response as the SDK's errors look at."""

    def __init__(self, status: int) -> None:
        self.status_code = status
        self.reason = f"refused by {HOST}"
        self.headers: dict[str, str] = {}
        self.request = None

    def body(self) -> bytes:
        return b""

    text = content_type = None


def http_error(status: int, code: str | None = None) -> sdk.HttpResponseError:
    error = sdk.HttpResponseError(
        f"https://account.{HOST}/?sig={KEY}", response=cast("Any", Response(status))
    )
    error.error_code = code  # pyright: ignore[reportAttributeAccessIssue] -- as the SDK does it
    return error


def _sdk_errors() -> Iterator[Exception]:
    text = f"https://account.{HOST}/?sig={KEY}"
    for name in dir(sdk):
        kind = getattr(sdk, name)
        if not (isinstance(kind, type) and issubclass(kind, (sdk.AzureError, ValueError))):
            continue
        if kind in (sdk.StreamClosedError, sdk.StreamConsumedError, sdk.ResponseNotReadError):
            yield kind(cast("Any", Response(200)))
        elif kind is sdk.TooManyRedirectsError:
            yield kind([])
        elif kind is sdk.ODataV4Error:
            yield sdk.HttpResponseError(text)
        else:
            yield kind(text)


CALLS: dict[str, Callable[[StorageBlobRepository], object]] = {
    "list_blobs": lambda blobs: list(blobs.list_blobs("bronze")),
    "info": lambda blobs: blobs.info("bronze", "a"),
    "read_range": lambda blobs: blobs.read_range("bronze", "a", 0, 1, '"0x1"'),
    "write": lambda blobs: blobs.write("silver", "a", b"a", "text/plain"),
    "stage_block": lambda blobs: blobs.stage_block("silver", "a", "b-1", b"a"),
    "commit_blocks": lambda blobs: blobs.commit_blocks("silver", "a", ["b-1"], "text/plain"),
    "blocks": lambda blobs: blobs.blocks("silver", "a"),
    "staged_blocks": lambda blobs: blobs.staged_blocks("silver", "a"),
    "delete": lambda blobs: blobs.delete("silver", "a"),
}


def repository(error: Exception) -> StorageBlobRepository:
    return StorageBlobRepository(cast("Any", FailingConnection(error)), READABLE, ("silver",))


@pytest.mark.parametrize("error", tuple(_sdk_errors()), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_no_error_of_the_sdk_escapes_and_none_tells_host_or_key(
    call: Callable[[StorageBlobRepository], object], error: Exception
) -> None:
    with pytest.raises(TaskError) as caught:
        call(repository(error))
    assert HOST not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("error", tuple(_sdk_errors()), ids=lambda error: type(error).__name__)
def test_ping_says_that_storage_is_unavailable(error: Exception) -> None:
    with pytest.raises(BlobUnavailableError) as caught:
        repository(error).ping()
    assert HOST not in str(caught.value)


def test_ping_of_a_closed_port_fails_soon() -> None:
    connection = StorageConnection(
        f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:9/a;"
    )
    try:
        with pytest.raises(BlobUnavailableError):
            StorageBlobRepository(connection, (), ("silver",)).ping()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("status", "code", "kind", "error_code"),
    [
        (404, "ContainerNotFound", PermanentTaskError, "CONTAINER_NOT_FOUND"),
        (404, "BlobNotFound", PermanentTaskError, "BLOB_NOT_FOUND"),
        (404, None, PermanentTaskError, "BLOB_NOT_FOUND"),
        (412, "ConditionNotMet", PermanentTaskError, "BLOB_CHANGED"),
        (412, "LeaseIdMissing", RetryableTaskError, "BLOB_UNAVAILABLE"),
        (401, "AuthenticationFailed", PermanentTaskError, "BLOB_ACCESS_DENIED"),
        (403, "AuthorizationPermissionMismatch", PermanentTaskError, "BLOB_ACCESS_DENIED"),
        (400, "InvalidResourceName", PermanentTaskError, "BLOB_REFUSED"),
        (409, "BlobArchived", PermanentTaskError, "BLOB_REFUSED"),
        (409, "ContainerBeingDeleted", RetryableTaskError, "BLOB_UNAVAILABLE"),
        (408, None, RetryableTaskError, "BLOB_UNAVAILABLE"),
        (500, "OperationTimedOut", RetryableTaskError, "BLOB_UNAVAILABLE"),
        (429, None, ThrottledTaskError, "BLOB_THROTTLED"),
        (503, "ServerBusy", ThrottledTaskError, "BLOB_THROTTLED"),
    ],
)
def test_a_status_becomes_the_error_it_stands_for(
    status: int, code: str | None, kind: type[TaskError], error_code: str
) -> None:
    error = task_error(http_error(status, code), "bronze", "a")
    assert (type(error), error.error_code) == (kind, error_code)


@pytest.mark.parametrize("name", ["", "x" * 1_025])
def test_names_that_no_blob_can_have_are_refused(name: str) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        repository(sdk.AzureError("not asked")).info("bronze", name)
    assert caught.value.error_code == "BLOB_REFUSED"
