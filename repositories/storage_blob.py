"""Blobs in Azure Storage, as far as the allow lists reach."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobProperties, ContainerClient, ContentSettings

from interfaces.blobs import BlobInfo
from repositories.storage_blob_errors import SDK_ERRORS, error_code, mapped
from repositories.storage_connection import StorageConnection
from schema.errors import BlobUnavailableError, PermanentTaskError

_PAGE = 5_000
_CALL_SECONDS = 30
_WRITE_SECONDS = 300
_PING_SECONDS = 3
_RANGE_NOT_SATISFIABLE = 416
_NOT_FOUND = 404
_LONGEST_NAME = 1_024
_LONGEST_ID = 64
_EXISTS = frozenset({"BlobAlreadyExists", "ConditionNotMet"})


class StorageBlobRepository:
    """Implements ``BlobRepository`` and ``BlobAddresses`` of ``interfaces.blobs``; the clients belong to the
    ``StorageConnection``."""

    def __init__(
        self,
        connection: StorageConnection,
        read_containers: Sequence[str],
        write_containers: Sequence[str],
    ) -> None:
        self._connection = connection
        self._readable = tuple(dict.fromkeys((*read_containers, *write_containers)))
        self._writable = tuple(write_containers)

    @property
    def output_container(self) -> str:
        return self._writable[0]

    def address_of(self, container: str, blob: str) -> str:
        """As the service is reached from here, less whatever signature the connection string has."""
        return self._connection.blob_service().get_blob_client(container, blob).url.partition("?")[0]

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        client = self._container(container)
        with mapped(container):
            found = client.list_blobs(
                name_starts_with=prefix or None,
                include=["metadata"],
                results_per_page=_PAGE,
                timeout=_CALL_SECONDS,
            )
            for blob in found:
                if not _is_folder(blob):
                    yield _info(blob.name, blob)

    def info(self, container: str, blob: str) -> BlobInfo:
        client = self._blob(container, blob)
        with mapped(container, blob):
            return _info(blob, client.get_blob_properties(timeout=_CALL_SECONDS))

    def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        client = self._blob(container, blob)
        if length <= 0:
            return b""
        with mapped(container, blob):
            try:
                found = client.download_blob(
                    offset,
                    length,
                    encoding=None,
                    max_concurrency=1,
                    timeout=_CALL_SECONDS,
                    **_pinned(etag),
                )
                return found.readall()
            except HttpResponseError as exc:
                if exc.status_code == _RANGE_NOT_SATISFIABLE and error_code(exc) in (None, "InvalidRange"):
                    return b""
                raise

    def write(self, container: str, blob: str, data: bytes, content_type: str) -> BlobInfo:
        client = self._writable_blob(container, blob)
        with mapped(container, blob):
            written = client.upload_blob(
                data,
                overwrite=True,
                content_settings=ContentSettings(content_type=content_type),
                timeout=_WRITE_SECONDS,
            )
        modified: datetime = written["last_modified"]
        return BlobInfo(blob, len(data), modified, _quoted(str(written["etag"])), content_type)

    def stage_block(self, container: str, blob: str, block_id: str, data: bytes) -> None:
        client = self._writable_blob(container, blob)
        _demand_ids([block_id])
        with mapped(container, blob):
            client.stage_block(block_id, data, len(data), validate_content=True, timeout=_WRITE_SECONDS)

    def commit_blocks(
        self, container: str, blob: str, block_ids: Sequence[str], content_type: str
    ) -> BlobInfo:
        client = self._writable_blob(container, blob)
        _demand_ids(block_ids)
        with mapped(container, blob):
            try:
                client.commit_block_list(
                    [BlobBlock(block_id) for block_id in block_ids],
                    content_settings=ContentSettings(content_type=content_type),
                    match_condition=MatchConditions.IfMissing,
                    validate_content=True,
                    timeout=_WRITE_SECONDS,
                )
            except HttpResponseError as exc:
                if (error := _why_not_committed(exc, container, blob)) is not None:
                    raise error from exc
                raise
        return self.info(container, blob)

    def blocks(self, container: str, blob: str) -> Mapping[str, int]:
        return self._blocks(container, blob, "committed")

    def staged_blocks(self, container: str, blob: str) -> Mapping[str, int]:
        return self._blocks(container, blob, "uncommitted")

    def delete(self, container: str, blob: str) -> None:
        client = self._writable_blob(container, blob)
        with mapped(container, blob):
            try:
                client.delete_blob(delete_snapshots="include", timeout=_CALL_SECONDS)
            except ResourceNotFoundError as exc:
                if error_code(exc) != "BlobNotFound":
                    raise

    def ping(self) -> None:
        client = self._connection.blob_service().get_container_client(self.output_container)
        try:
            client.get_container_properties(
                timeout=_PING_SECONDS,
                connection_timeout=_PING_SECONDS,
                read_timeout=_PING_SECONDS,
                retry_total=0,
            )
        except HttpResponseError as exc:
            if exc.status_code != _NOT_FOUND:
                raise _unavailable() from exc
        except SDK_ERRORS as exc:
            raise _unavailable() from exc

    def close(self) -> None:
        """Nothing here is open: the connections end with the ``StorageConnection``."""

    def _blocks(self, container: str, blob: str, kind: str) -> Mapping[str, int]:
        client = self._blob(container, blob)
        with mapped(container, blob):
            try:
                found = client.get_block_list(kind, timeout=_CALL_SECONDS)
            except ResourceNotFoundError as exc:
                if error_code(exc) != "BlobNotFound":
                    raise
                return {}
        return {str(block.id): int(block.size) for blocks in found for block in blocks}

    def _writable_blob(self, container: str, blob: str) -> BlobClient:
        _demand_allowed(container, self._writable, "written to")
        return self._blob(container, blob)

    def _container(self, container: str) -> ContainerClient:
        _demand_allowed(container, self._readable, "read")
        return self._connection.blob_service().get_container_client(container)

    def _blob(self, container: str, blob: str) -> BlobClient:
        client = self._container(container)
        if not 0 < len(blob) <= _LONGEST_NAME:
            raise PermanentTaskError("a blob's name has 1 to 1,024 characters", "BLOB_REFUSED")
        return client.get_blob_client(blob)


def _demand_allowed(container: str, allowed: Sequence[str], what: str) -> None:
    if container not in allowed:
        listed = ", ".join(allowed) or "none"
        raise PermanentTaskError(
            f"container {container!r} may not be {what}; allowed: {listed}", "CONTAINER_NOT_ALLOWED"
        )


def _demand_ids(block_ids: Sequence[str]) -> None:
    lengths = {len(block_id) for block_id in block_ids}
    if len(lengths) != 1 or not 0 < max(lengths) <= _LONGEST_ID or not "".join(block_ids).isascii():
        raise PermanentTaskError("ids of blocks are of one length, up to 64 characters", "BLOB_REFUSED")


def _why_not_committed(exc: HttpResponseError, container: str, blob: str) -> PermanentTaskError | None:
    code = error_code(exc)
    if code in _EXISTS:
        return PermanentTaskError(f"container {container!r} has a blob {blob!r} already", "BLOB_EXISTS")
    if code == "InvalidBlockList":
        return PermanentTaskError(f"blocks of blob {blob!r} are not there", "BLOB_BLOCKS_MISSING")
    return None


def _pinned(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _is_folder(blob: BlobProperties) -> bool:
    """Accounts with a hierarchical namespace list their folders as empty blobs that say so."""
    metadata: dict[str, str] | None = blob.metadata
    return bool(metadata) and metadata.get("hdi_isfolder", "").lower() == "true"


def _info(name: str, properties: BlobProperties) -> BlobInfo:
    return BlobInfo(
        name=name,
        size=properties.size,
        last_modified=properties.last_modified,
        etag=_quoted(properties.etag),
        content_type=properties.content_settings.content_type,
    )


def _quoted(etag: str) -> str:
    """Listings give the etag bare, other calls in quotes; conditions want the quotes."""
    return etag if etag.endswith('"') else f'"{etag}"'


def _unavailable() -> BlobUnavailableError:
    return BlobUnavailableError("blob storage did not answer as it should")
