"""Blob storage in memory, for tests of handlers; the contract suite holds it to what the real one does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from interfaces.blobs import BlobInfo
from schema.errors import BlobUnavailableError, PermanentTaskError, TaskError


@dataclass
class FakeBlobRepository:
    """``containers`` maps names to blobs. ``failing_with`` is raised by each call while it is set.

    ``reads`` records the offset and length of each read; ``staged`` and ``committed`` hold blocks by
    container and blob.
    """

    read_containers: tuple[str, ...] = ("bronze", "silver")
    write_containers: tuple[str, ...] = ("silver",)
    containers: dict[str, dict[str, tuple[BlobInfo, bytes]]] = field(default_factory=dict)
    failing_with: TaskError | None = None
    reads: list[tuple[int, int]] = field(default_factory=list)
    staged: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict)
    committed: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    _etags: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def output_container(self) -> str:
        return self.write_containers[0]

    def address_of(self, container: str, blob: str) -> str:
        return f"https://account.example.com/{container}/{blob}"

    def put(
        self,
        container: str,
        name: str,
        data: bytes = b"",
        content_type: str = "application/octet-stream",
        last_modified: datetime | None = None,
    ) -> BlobInfo:
        """Place a blob, whatever the allow lists say."""
        modified = last_modified or datetime.now(UTC).replace(microsecond=0)
        info = BlobInfo(name, len(data), modified, f'"0x{next(self._etags)}"', content_type)
        self.containers.setdefault(container, {})[name] = (info, data)
        self.staged.pop((container, name), None)
        self.committed.pop((container, name), None)
        return info

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        blobs = self._container(container)
        for name in sorted(blobs):
            if name.startswith(prefix):
                yield blobs[name][0]

    def info(self, container: str, blob: str) -> BlobInfo:
        return self._blob(container, blob)[0]

    def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        info, data = self._blob(container, blob)
        if etag is not None and etag != info.etag:
            raise PermanentTaskError(f"blob {blob!r} was replaced since it was listed", "BLOB_CHANGED")
        self.reads.append((offset, length))
        return data[offset : offset + max(length, 0)]

    def write(self, container: str, blob: str, data: bytes, content_type: str) -> BlobInfo:
        self._writable(container)
        return self.put(container, blob, data, content_type)

    def stage_block(self, container: str, blob: str, block_id: str, data: bytes) -> None:
        self._writable(container)
        _demand_ids([block_id, *self.staged.get((container, blob), {})])
        self.staged.setdefault((container, blob), {})[block_id] = data

    def commit_blocks(
        self, container: str, blob: str, block_ids: Sequence[str], content_type: str
    ) -> BlobInfo:
        blobs = self._writable(container)
        _demand_ids(block_ids)
        if blob in blobs:
            raise PermanentTaskError(f"container {container!r} has a blob {blob!r} already", "BLOB_EXISTS")
        staged = self.staged.get((container, blob), {})
        if not staged.keys() >= set(block_ids):
            raise PermanentTaskError(f"blocks of blob {blob!r} are not there", "BLOB_BLOCKS_MISSING")
        info = self.put(container, blob, b"".join(staged[one] for one in block_ids), content_type)
        self.committed[(container, blob)] = {one: len(staged[one]) for one in block_ids}
        return info

    def blocks(self, container: str, blob: str) -> Mapping[str, int]:
        self._container(container)
        return self.committed.get((container, blob), {})

    def staged_blocks(self, container: str, blob: str) -> Mapping[str, int]:
        self._container(container)
        return {block_id: len(data) for block_id, data in self.staged.get((container, blob), {}).items()}

    def delete(self, container: str, blob: str) -> None:
        self._writable(container).pop(blob, None)
        self.committed.pop((container, blob), None)

    def ping(self) -> None:
        if self.failing_with is not None:
            raise BlobUnavailableError(str(self.failing_with))

    def _writable(self, container: str) -> dict[str, tuple[BlobInfo, bytes]]:
        if container not in self.write_containers:
            raise _not_allowed(container, self.write_containers)
        return self._container(container)

    def _container(self, container: str) -> dict[str, tuple[BlobInfo, bytes]]:
        if self.failing_with is not None:
            raise self.failing_with
        allowed = (*self.read_containers, *self.write_containers)
        if container not in allowed:
            raise _not_allowed(container, allowed)
        if container not in self.containers:
            raise PermanentTaskError(f"there is no container {container!r}", "CONTAINER_NOT_FOUND")
        return self.containers[container]

    def _blob(self, container: str, blob: str) -> tuple[BlobInfo, bytes]:
        blobs = self._container(container)
        if blob not in blobs:
            raise PermanentTaskError(f"container {container!r} has no blob {blob!r}", "BLOB_NOT_FOUND")
        return blobs[blob]


def _demand_ids(block_ids: Sequence[str]) -> None:
    lengths = {len(block_id) for block_id in block_ids}
    if len(lengths) != 1 or not 0 < max(lengths) <= 64 or not "".join(block_ids).isascii():
        raise PermanentTaskError("ids of blocks are of one length, up to 64 characters", "BLOB_REFUSED")


def _not_allowed(container: str, allowed: tuple[str, ...]) -> PermanentTaskError:
    listed = ", ".join(allowed)
    return PermanentTaskError(
        f"container {container!r} may not be used; allowed: {listed}", "CONTAINER_NOT_ALLOWED"
    )
