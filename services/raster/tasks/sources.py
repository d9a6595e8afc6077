"""A blob as a child may read it: one version, by ranges, through this process."""

from dataclasses import dataclass

from interfaces.blobs import BlobRepository
from schema.contracts.rasters import BlobVersion


@dataclass(frozen=True)
class BlobSource:
    """Implements ``ByteSource``; a blob that was replaced fails with ``BLOB_CHANGED``."""

    blobs: BlobRepository
    version: BlobVersion

    @property
    def size(self) -> int:
        return self.version.size

    def read(self, offset: int, length: int) -> bytes:
        version = self.version
        return self.blobs.read_range(version.container, version.blob, offset, length, version.etag)
