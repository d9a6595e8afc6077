"""Stage 3 of ``process_raster`` for large rasters: one chunk, staged for the assembly to commit."""

from pathlib import Path

from interfaces.handler import TaskContext
from schema.contracts.process_raster import (
    CREATE_COG_CHUNK,
    ChunkPiece,
    CreateChunkParameters,
    CreatedChunk,
)
from schema.contracts.rasters import RasterPlan
from schema.results import FileReference
from schema.workflow import TaskInfo
from services.raster.block_ids import block_id
from services.raster.products import ChunkLevel, ChunkRequest, ChunkResult
from services.raster.transfer import BlobSource

INFO = TaskInfo(CREATE_COG_CHUNK, "Makes one chunk of a COG and stages its tiles.")
"""Retry, lease and time-out are those of ``create_cog``: a stage may have tasks of both types."""

_SOURCE = "source"
_PART_TYPE = "image/tiff"


def run(parameters: CreateChunkParameters, context: TaskContext) -> CreatedChunk:
    """Nothing of it is seen before the assembly. Raises ``PermanentTaskError``: ``RASTER_UNREADABLE``,
    ``BLOB_CHANGED`` where the source was replaced, ``RASTER_CHUNKS_INCONSISTENT``."""
    plan, chunk = parameters.plan, parameters.chunk
    request = ChunkRequest(source=_SOURCE, plan=plan, chunk=chunk)
    with context.sandbox.workspace(context) as workspace:
        source = BlobSource(context.blobs, plan.source)
        made = workspace.run("chunk", request, ChunkResult, {_SOURCE: source})
        pieces = tuple(_staged(plan, chunk, level, workspace.folder, context) for level in made.levels)
        reduced = None
        if made.reduced is not None:
            reduced = _kept(plan, chunk, workspace.folder / made.reduced, context)
    return CreatedChunk(
        chunk=chunk,
        pieces=pieces,
        reduced=reduced,
        jpeg_tables=made.jpeg_tables,
        valid_pixels=made.valid_pixels,
    )


def _staged(
    plan: RasterPlan, chunk: int, level: ChunkLevel, folder: Path, context: TaskContext
) -> ChunkPiece:
    name = block_id(context.run, context.attempt, level.level, chunk)
    context.raise_if_stopped()
    context.blobs.stage_block(plan.container, plan.cog_name, name, (folder / level.file).read_bytes())
    return ChunkPiece(
        level=level.level,
        block_id=name,
        size=level.size,
        tile_sizes=level.tile_sizes,
        mask_sizes=level.mask_sizes,
    )


def _kept(plan: RasterPlan, chunk: int, path: Path, context: TaskContext) -> FileReference:
    """The pixels that overviews above the chunk's are made of, under a name that is this attempt's."""
    name = f"{plan.folder}/parts/{chunk:06d}-a{context.attempt}.tif"
    context.raise_if_stopped()
    context.blobs.write(plan.container, name, path.read_bytes(), _PART_TYPE)
    return FileReference(container=plan.container, blob=name, media_type=_PART_TYPE)
