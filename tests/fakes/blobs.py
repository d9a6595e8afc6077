"""Blob storage in memory, for tests of handlers; the contract suite holds it to what the real one does."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from interfaces.blobs import BlobInfo
from schema.errors import BlobUnavailableError, PermanentTaskError, TaskError


@dataclass
class FakeBlobRepository:
    """``containers`` maps names to blobs. ``failing_with`` is raised by each call while it is set.

    ``reads`` records the offset and length of each read.
    """

    read_containers: tuple[str, ...] = ("bronze", "silver")
    write_containers: tuple[str, ...] = ("silver",)
    containers: dict[str, dict[str, tuple[BlobInfo, bytes]]] = field(default_factory=dict)
    failing_with: TaskError | None = None
    reads: list[tuple[int, int]] = field(default_factory=list)
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
        if container not in self.write_containers:
            raise _not_allowed(container, self.write_containers)
        self._container(container)
        return self.put(container, blob, data, content_type)

    def ping(self) -> None:
        if self.failing_with is not None:
            raise BlobUnavailableError(str(self.failing_with))

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


def _not_allowed(container: str, allowed: tuple[str, ...]) -> PermanentTaskError:
    listed = ", ".join(allowed)
    return PermanentTaskError(
        f"container {container!r} may not be used; allowed: {listed}", "CONTAINER_NOT_ALLOWED"
    )
