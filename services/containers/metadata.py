"""Stage 2 of ``list_container``: what is known of one file, as far as the level asks."""

from datetime import timedelta

from interfaces.handler import TaskContext
from schema.contracts.containers import FileItem
from schema.contracts.list_container import (
    EXTRACT,
    ExtractParameters,
    FileCategory,
    FileMetadata,
    MetadataLevel,
    RasterInfo,
)
from schema.policies import RetryPolicy
from schema.workflow import TaskInfo
from services.containers.names import extension_of
from services.containers.ranges import BLOCK_BYTES, RangeSource
from services.containers.raster_header import read_header, unreadable
from services.raster.formats import HEAD_BYTES, FileFormat, category_of, is_raster_name, sniffed

INFO = TaskInfo(
    EXTRACT,
    "Describes one file: as listed, its kind, or its raster header, read by ranges.",
    timeout=timedelta(minutes=5),
    retry=RetryPolicy(attempts=4),
)


def run(parameters: ExtractParameters, context: TaskContext) -> FileMetadata:
    """What the level asks for. A raster that cannot be read is a finding, not a failure."""
    file = parameters.file
    listed = FileMetadata(name=file.name, size=file.size, last_modified=file.last_modified, etag=file.etag)
    if parameters.level is MetadataLevel.BASIC:
        return listed
    wants_header = parameters.level is MetadataLevel.FULL
    head = context.blobs.read_range(
        parameters.container, file.name, 0, BLOCK_BYTES if wants_header else HEAD_BYTES, file.etag
    )
    found = sniffed(head[:HEAD_BYTES])
    extension = extension_of(file.name)
    category = category_of(extension, found)
    raster = None
    if wants_header and (category is FileCategory.RASTER or is_raster_name(extension)):
        raster = _raster(parameters.container, file, found, head, context)
    return listed.model_copy(
        update={
            "content_type": file.content_type,
            "extension": extension,
            "category": category,
            "format": found.name if found else None,
            "raster": raster,
        }
    )


def _raster(
    container: str, file: FileItem, found: FileFormat | None, head: bytes, context: TaskContext
) -> RasterInfo:
    if file.size == 0:
        return unreadable("RASTER_EMPTY", "the file has no bytes")
    if found is None:
        return unreadable("RASTER_FORMAT_UNKNOWN", "the first bytes are those of no format known here")
    if found.driver is None:
        return unreadable("RASTER_FORMAT_UNSUPPORTED", f"the content is {found.name}, which is not read here")

    def read(offset: int, length: int) -> bytes:
        context.raise_if_stopped()
        return context.blobs.read_range(container, file.name, offset, length, file.etag)

    return read_header(RangeSource(read, file.size, head), found.driver)
