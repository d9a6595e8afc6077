"""Blob storage stood in for by a folder: what reading and writing cost the service is left out."""

# ruff: noqa: ARG002 -- the interface's

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, unquote

from interfaces.blobs import BlobInfo
from schema.errors import PermanentTaskError

READABLE, WRITABLE = "bronze", "silver"


class FolderBlobs:
    """Implements ``interfaces.blobs.BlobRepository`` over ``folder``, for several processes at once.

    A blob of ``bronze`` is a file by its absolute path without the first slash. Blocks are staged as files of
    the folder ``blocks``, and their commit joins them, which a service does without moving a byte.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def output_container(self) -> str:
        return WRITABLE

    def address_of(self, container: str, blob: str) -> str:
        return self._path(container, blob).as_uri()

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        root = self._folder / container
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_file() and name.startswith(prefix):
                yield self.info(container, name)

    def info(self, container: str, blob: str) -> BlobInfo:
        try:
            facts = self._path(container, blob).stat()
        except FileNotFoundError:
            raise PermanentTaskError(f"no blob {blob!r}", "BLOB_NOT_FOUND") from None
        return BlobInfo(blob, facts.st_size, datetime.fromtimestamp(int(facts.st_mtime), UTC), '"0x1"')

    def read_range(
        self, container: str, blob: str, offset: int, length: int, etag: str | None = None
    ) -> bytes:
        with self._path(container, blob).open("rb", buffering=0) as file:
            return os.pread(file.fileno(), length, offset)

    def write(self, container: str, blob: str, data: bytes, content_type: str) -> BlobInfo:
        path = self._path(container, blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return self.info(container, blob)

    def stage_block(self, container: str, blob: str, block_id: str, data: bytes) -> None:
        self._block(block_id).write_bytes(data)

    def commit_blocks(
        self, container: str, blob: str, block_ids: Sequence[str], content_type: str
    ) -> BlobInfo:
        path = self._path(container, blob)
        if path.exists():
            raise PermanentTaskError(f"there is a blob {blob!r}", "BLOB_EXISTS")
        path.parent.mkdir(parents=True, exist_ok=True)
        sizes = {block_id: self._block(block_id).stat().st_size for block_id in block_ids}
        with path.open("xb") as target:
            for block_id, left in sizes.items():
                _append(self._block(block_id), left, target)
        self._listing(container, blob).write_text(json.dumps(sizes))
        return self.info(container, blob)

    def blocks(self, container: str, blob: str) -> Mapping[str, int]:
        listing = self._listing(container, blob)
        return json.loads(listing.read_text()) if listing.exists() else {}

    def staged_blocks(self, container: str, blob: str) -> Mapping[str, int]:
        return {
            unquote(block.name): block.stat().st_size for block in sorted((self._folder / "blocks").glob("*"))
        }

    def delete(self, container: str, blob: str) -> None:
        self._path(container, blob).unlink(missing_ok=True)

    def ping(self) -> None:
        pass

    def _path(self, container: str, blob: str) -> Path:
        return Path("/", blob) if container == READABLE else self._folder / container / blob

    def _block(self, block_id: str) -> Path:
        folder = self._folder / "blocks"
        folder.mkdir(exist_ok=True)
        return folder / quote(block_id, safe="")

    def _listing(self, container: str, blob: str) -> Path:
        path = self._path(container, blob)
        return path.with_name(f"{path.name}.blocks")


def _append(block: Path, size: int, target: BinaryIO) -> None:
    """Move the block to the target's end."""
    with block.open("rb") as source:
        while size:
            size -= os.copy_file_range(source.fileno(), target.fileno(), size)
    block.unlink()
