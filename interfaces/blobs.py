"""What handlers ask of blob storage. A container must be on the allow list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class BlobInfo:
    """``size`` in bytes; ``etag`` as the service gives it, quotes and all."""

    name: str
    size: int
    last_modified: datetime
    etag: str
    content_type: str | None = None


class BlobAddresses(Protocol):
    def address_of(self, container: str, blob: str) -> str:
        """Where the blob is for those who may read it: an address without a signature."""
        ...


class BlobRepository(BlobAddresses, Protocol):
    """Raises ``PermanentTaskError`` (``CONTAINER_NOT_ALLOWED``, ``CONTAINER_NOT_FOUND``, ``BLOB_NOT_FOUND``,
    ``BLOB_CHANGED``, ``BLOB_ACCESS_DENIED``, ``BLOB_REFUSED``), ``ThrottledTaskError`` or
    ``RetryableTaskError`` (``BLOB_UNAVAILABLE``), so that handlers need no ``try``."""

    @property
    def output_container(self) -> str:
        """Where handlers write what they make: the first container on the allow list for writing."""
        ...

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        """All blobs below the prefix in name order, fetched in pages of 5,000."""
        ...

    def info(self, container: str, blob: str) -> BlobInfo: ...

    def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        """Up to ``length`` bytes from ``offset``, none beyond the end; with ``etag``, only if the blob is
        still that one."""
        ...

    def write(self, container: str, blob: str, data: bytes, content_type: str) -> BlobInfo:
        """Write the whole blob, replacing one of that name."""
        ...

    def stage_block(self, container: str, blob: str, block_id: str, data: bytes) -> None:
        """Store a part of a blob to be, unseen until it is committed; replaces one of that id.

        All ids of a blob are of one length, 1 to 64 characters of ASCII.
        """
        ...

    def commit_blocks(
        self, container: str, blob: str, block_ids: Sequence[str], content_type: str
    ) -> BlobInfo:
        """Make the blob of staged blocks in this order, if there is none of that name yet.

        Raises ``PermanentTaskError`` (``BLOB_EXISTS``, ``BLOB_BLOCKS_MISSING``). What else was staged for
        the blob is discarded.
        """
        ...

    def blocks(self, container: str, blob: str) -> Mapping[str, int]:
        """Id and size of each block that the blob is made of, in order; none where there is no such blob."""
        ...

    def staged_blocks(self, container: str, blob: str) -> Mapping[str, int]:
        """Id and size of each block that is staged and not committed."""
        ...

    def delete(self, container: str, blob: str) -> None:
        """Delete the blob; none of that name is fine, too."""
        ...

    def ping(self) -> None:
        """Ask the service for the smallest thing it answers. Raises ``BlobUnavailableError``."""
        ...
