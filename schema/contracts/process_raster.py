"""The contracts of the raster pipeline's tasks, and the results of its two job types."""

from typing import Annotated

from pydantic import Field

from schema.contracts.containers import ContainerName
from schema.contracts.rasters import BlobVersion, Box, Number, RasterOptions, RasterPlan, ValidatedRaster
from schema.json_types import JSONObject
from schema.results import Contract, FileReference
from schema.workflow import TaskContract


class ValidateRasterParameters(Contract):
    """``etag`` pins the version where it is known already (a listing's), else the present one is taken."""

    container: ContainerName
    blob: str
    etag: str | None = None
    options: RasterOptions


class PlanRasterParameters(Contract):
    """``item_id`` is made from the blob's name where none is given."""

    validated: ValidatedRaster
    options: RasterOptions
    collection_id: str
    item_id: str | None = None


class CreateCogParameters(Contract):
    plan: RasterPlan


class CreateChunkParameters(Contract):
    """``chunk`` counts from 0 at the upper left, row by row."""

    plan: RasterPlan
    chunk: Annotated[int, Field(ge=0)]


class ChunkPiece(Contract):
    """One level of a chunk, staged as one block of the output: its tiles row by row, then its mask's tiles.

    ``level`` 0 is full resolution, 1 half of it, and so on. Sizes in bytes.
    """

    level: int
    block_id: str
    size: int
    tile_sizes: tuple[int, ...]
    mask_sizes: tuple[int, ...] = ()


class CreatedChunk(Contract):
    """``reduced`` is the chunk at its last level as a GeoTIFF, for the overviews above it; ``None`` where
    there are none. ``valid_pixels`` counts pixels of full resolution that are valid in any band."""

    chunk: int
    pieces: tuple[ChunkPiece, ...]
    reduced: FileReference | None
    jpeg_tables: Annotated[str | None, Field(description="base64, where the tiles are JPEG")] = None
    valid_pixels: int
    processed_items: int = 1


class AssembleCogParameters(Contract):
    """The chunks are the results of ``stage``; their indexes are ``prefix`` and six digits, from 0."""

    plan: RasterPlan
    stage: int
    prefix: str


class CreatedCog(Contract):
    """A whole COG, not yet validated."""

    plan: RasterPlan
    cog: BlobVersion
    processed_items: int = 1


class ValidateCogParameters(Contract):
    created: CreatedCog


class BandStatistics(Contract):
    """Over the valid, finite pixels of full resolution, ``count`` of them; ``None`` where there is none."""

    count: int = 0
    minimum: Number | None
    maximum: Number | None
    mean: Number | None
    stddev: Number | None
    valid_percent: float


class PixelComparison(Contract):
    """The output's pixels against the source's. Differences are over all valid pixels of all bands."""

    equal: bool
    largest_difference: float
    mean_difference: float


class Place(Contract):
    """Where a COG lies. ``footprint`` is a GeoJSON geometry in EPSG:4326 and ``bbox`` its box, both split or
    wound across the antimeridian as RFC 7946 has it.

    ``code`` names the CRS where an authority does, ``wkt2`` tells it in any case; ``grid_bbox`` is the box in
    that CRS. All three are ``None`` for a raster that only ground control points or RPCs place.
    """

    footprint: JSONObject
    bbox: Box
    code: str | None
    wkt2: str | None
    grid_bbox: Box | None


class ValidatedCog(Contract):
    """A COG that passed every check, with what its item says of it. ``sha256`` is that of the whole file,
    ``source_sha256`` that of the source; both in hexadecimal. ``comparison`` is ``None`` where pixels were
    resampled. ``software`` names what made the COG, with its versions."""

    plan: RasterPlan
    cog: BlobVersion
    sha256: str
    source_sha256: str
    bands: tuple[BandStatistics, ...]
    comparison: PixelComparison | None
    overview: FileReference
    thumbnail: FileReference
    checks: tuple[str, ...]
    place: Place
    software: dict[str, str]
    processed_items: int = 1


class CreateItemParameters(Contract):
    validated: ValidatedCog
    register_item: bool


class CreatedItem(Contract):
    """``bbox`` is that of the item, in EPSG:4326; west is greater than east across the antimeridian."""

    collection_id: str
    item_id: str
    item: FileReference
    cog: FileReference
    overview: FileReference
    thumbnail: FileReference
    bbox: Box
    size: int
    sha256: str
    processed_items: int = 1


class CreateBatchParameters(Contract):
    """The items are the results of ``stage``."""

    collection_id: str
    stage: int
    expected: int


class CreatedBatch(Contract):
    """All items of a collection job as one file of newline-delimited JSON."""

    collection_id: str
    batch: FileReference
    items: int
    processed_items: int


class ProcessRasterResult(Contract):
    """``chunks`` is 0 where the COG was made in one pass."""

    collection_id: str
    item_id: str
    cog: FileReference
    item: FileReference
    overview: FileReference
    thumbnail: FileReference
    bbox: Box
    size: int
    sha256: str
    chunks: int


class RasterFailure(Contract):
    """A raster that did not get through; ``code`` is stable."""

    blob: str
    stage: int
    code: str | None
    message: str | None


class ProcessRasterCollectionResult(Contract):
    """``rasters`` matched, ``items`` of them were made; ``failures`` shows the first of those that failed."""

    collection_id: str
    rasters: int
    items: int
    failed: int
    failures: tuple[RasterFailure, ...]
    truncated: bool
    batch: FileReference | None


VALIDATE_RASTER = TaskContract("validate_raster", ValidateRasterParameters, ValidatedRaster)
PLAN_RASTER = TaskContract("plan_raster", PlanRasterParameters, RasterPlan)
CREATE_COG = TaskContract("create_cog", CreateCogParameters, CreatedCog)
CREATE_COG_CHUNK = TaskContract("create_cog_chunk", CreateChunkParameters, CreatedChunk)
ASSEMBLE_COG = TaskContract("assemble_cog", AssembleCogParameters, CreatedCog)
VALIDATE_COG = TaskContract("validate_cog", ValidateCogParameters, ValidatedCog)
CREATE_STAC_ITEM = TaskContract("create_stac_item", CreateItemParameters, CreatedItem)
CREATE_STAC_BATCH = TaskContract("create_stac_batch", CreateBatchParameters, CreatedBatch)
