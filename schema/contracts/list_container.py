"""The contracts of ``list_container``: a listing, what is known of each file, and an index of it all."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schema.contracts.containers import ContainerName, FileItem, Prefix
from schema.results import Contract, FileReference, OrchestratingResult
from schema.states import TaskStatus
from schema.workflow import TaskContract


class MetadataLevel(StrEnum):
    """``basic``: as listed. ``standard``: and what kind of file it is. ``full``: and the rasters' headers."""

    BASIC = "basic"
    STANDARD = "standard"
    FULL = "full"


class FileCategory(StrEnum):
    RASTER = "raster"
    VECTOR = "vector"
    OTHER = "other"


class AnalyzeParameters(Contract):
    """``filter`` is an extension with its dot, a glob, or ``None`` for every file."""

    container: ContainerName
    prefix: Prefix = ""
    filter: str | None = None
    max_files: Annotated[int, Field(ge=1)]


class ListingDecision(OrchestratingResult):
    """``listed`` blobs were looked at, ``matched`` of them are the items of the decision.

    ``truncated``: there were more matches than were asked for. ``unusable_names`` counts blobs left out
    because no JSON column can hold their names.
    """

    container: str
    listed: int
    matched: int
    truncated: bool
    unusable_names: int
    processed_items: int


class ExtractParameters(Contract):
    container: ContainerName
    file: FileItem
    level: MetadataLevel


class RasterProblem(Contract):
    """Why a raster's header cannot be read; ``code`` is stable."""

    code: str
    message: str


class RasterHeader(Contract):
    """What a raster's header says. ``bounds`` are ``minx, miny, maxx, maxy`` in ``crs``.

    ``crs`` is an authority's code where there is one, else WKT; ``nodata`` is text where JSON has no such
    number.
    """

    driver: str
    width: int
    height: int
    bands: int
    dtypes: tuple[str, ...]
    crs: str | None
    bounds: tuple[float, float, float, float] | None
    nodata: float | Literal["nan", "inf", "-inf"] | None
    is_cog: bool


class RasterInfo(Contract):
    """Exactly one of ``header`` and ``problem`` is there."""

    readable: bool
    header: RasterHeader | None = None
    problem: RasterProblem | None = None


class FileMetadata(Contract):
    """What is known of one file; what its level does not ask for is ``None``.

    ``format`` is what the first bytes show, whatever the name says.
    """

    name: str
    size: int
    last_modified: datetime
    etag: str
    content_type: str | None = None
    extension: str | None = None
    category: FileCategory | None = None
    format: str | None = None
    raster: RasterInfo | None = None


class IndexParameters(Contract):
    """``stage`` holds the files' metadata, ``expected`` of them."""

    container: ContainerName
    prefix: Prefix
    filter: str | None
    level: MetadataLevel
    stage: int
    expected: int


class IndexResult(Contract):
    """Where the index was written: the same rows, once as JSON and once as Parquet."""

    container: str
    json_blob: str
    parquet_blob: str
    processed_items: int


class RasterTally(Contract):
    """Of the rasters whose headers were read; ``problems`` counts why some cannot be."""

    readable: int
    unreadable: int
    cloud_optimized: int
    problems: dict[str, int]


class FileFailure(Contract):
    """A file that was not described."""

    task_index: str
    status: TaskStatus
    code: str | None = None
    message: str | None = None


class WrittenIndex(Contract):
    """Where the index was written, as JSON and as Parquet."""

    container: str
    json_blob: Annotated[str, Field(alias="json")]
    parquet_blob: Annotated[str, Field(alias="parquet")]


class ListContainerResult(Contract):
    """``files`` matched, of which ``described`` are described; ``listed`` blobs were looked at for them.

    ``index`` names the same files as ``index_json`` and ``index_parquet``.
    """

    container: str
    prefix: str
    filter: str | None
    metadata_level: MetadataLevel
    files: int
    described: int
    listed: int
    truncated: bool
    unusable_names: int
    total_bytes: int
    by_category: dict[str, int]
    by_extension: dict[str, int]
    rasters: RasterTally
    failed: int
    failures: tuple[FileFailure, ...]
    index: WrittenIndex | None
    index_json: FileReference | None = None
    index_parquet: FileReference | None = None


ANALYZE = TaskContract("analyze_and_orchestrate", AnalyzeParameters, ListingDecision)
EXTRACT = TaskContract("extract_metadata", ExtractParameters, FileMetadata)
INDEX = TaskContract("create_file_index", IndexParameters, IndexResult)
