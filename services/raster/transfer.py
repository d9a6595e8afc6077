"""Moves bytes between blobs and files, in pieces, for handlers: nothing is ever held whole."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from interfaces.blobs import BlobInfo, BlobRepository
from interfaces.sandbox import Watch
from schema.contracts.rasters import BlobVersion
from schema.errors import PermanentTaskError, RetryableTaskError

PIECE_BYTES = 8 * 1024 * 1024

_MOST_BLOCKS = 50_000  # the service's limit


class BlobSource:
    """A ``ByteSource`` of one version of a blob: one that was replaced raises ``BLOB_CHANGED``."""

    def __init__(self, blobs: BlobRepository, version: BlobVersion) -> None:
        self._blobs = blobs
        self._version = version

    @property
    def size(self) -> int:
        return self._version.size

    def read(self, offset: int, length: int) -> bytes:
        version = self._version
        return self._blobs.read_range(version.container, version.blob, offset, length, version.etag)


def version_of(container: str, info: BlobInfo) -> BlobVersion:
    """The version that was just seen."""
    return BlobVersion(container=container, blob=info.name, etag=info.etag, size=info.size)


def staged(blobs: BlobRepository, version: BlobVersion, folder: Path, watch: Watch) -> Path:
    """Copy one version of a blob into a folder, under a name that is not the blob's: that is a stranger's."""
    path = folder / f"staged-{hashlib.sha256(version.blob.encode()).hexdigest()[:16]}"
    with path.open("wb") as file:
        for piece in pieces(blobs, version, watch):
            file.write(piece)
    return path


def sha256_of(blobs: BlobRepository, version: BlobVersion, watch: Watch) -> str:
    """The SHA-256 of one version of a blob, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces(blobs, version, watch):
        digest.update(piece)
    return digest.hexdigest()


def pieces(blobs: BlobRepository, version: BlobVersion, watch: Watch) -> Iterator[bytes]:
    """All bytes of one version of a blob, 8 MB at a time; stops where the watch says so.

    Raises ``RetryableTaskError`` (``BLOB_UNAVAILABLE``) where the blob ends before its size.
    """
    source = BlobSource(blobs, version)
    for offset in range(0, version.size, PIECE_BYTES):
        watch.raise_if_stopped()
        expected = min(PIECE_BYTES, version.size - offset)
        piece = source.read(offset, expected)
        if len(piece) != expected:
            raise RetryableTaskError(f"blob {version.blob!r} was read in part only", "BLOB_UNAVAILABLE")
        yield piece


def upload(  # noqa: PLR0917 -- five places and two names, each of another type or kind
    blobs: BlobRepository,
    container: str,
    name: str,
    path: Path,
    content_type: str,
    prefix: str,
    watch: Watch,
) -> BlobInfo:
    """Make a blob of a file, seen only when it is whole; done where it is there already and equal.

    ``prefix`` begins the ids of its blocks: with run and attempt in it, attempts never mix. Ids of one blob
    are of one length, so all its prefixes must be.

    Raises ``PermanentTaskError`` (``BLOB_EXISTS``) where there is another blob of that name.
    """
    size = path.stat().st_size
    piece_bytes = max(PIECE_BYTES, -(-size // _MOST_BLOCKS))
    ids: list[str] = []
    with path.open("rb") as file:
        while (piece := file.read(piece_bytes)) or not ids:
            watch.raise_if_stopped()
            ids.append(f"{prefix}-{len(ids):06d}")
            blobs.stage_block(container, name, ids[-1], piece)
    try:
        return blobs.commit_blocks(container, name, ids, content_type)
    except PermanentTaskError as exc:
        if exc.error_code != "BLOB_EXISTS":
            raise
        present = blobs.info(container, name)
        if not is_equal(blobs, version_of(container, present), path, watch):
            raise
        return present


def is_equal(blobs: BlobRepository, version: BlobVersion, path: Path, watch: Watch) -> bool:
    """Whether a blob has the bytes of a file."""
    if version.size != path.stat().st_size:
        return False
    with path.open("rb") as file:
        return all(file.read(len(piece)) == piece for piece in pieces(blobs, version, watch))
