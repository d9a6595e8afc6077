"""Commits a chunked COG: makes what is above the chunks, then names all blocks in the file's order."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from interfaces.blobs import BlobInfo
from interfaces.handler import TaskContext
from interfaces.sandbox import Workspace
from schema.contracts.process_raster import ASSEMBLE_COG, AssembleCogParameters, CreatedChunk, CreatedCog
from schema.contracts.rasters import RasterPlan
from schema.errors import PermanentTaskError, TaskError
from schema.workflow import TaskInfo
from services.raster.assemblies import AssembleRequest, AssembleResult
from services.raster.block_ids import HEADER_LEVEL, block_id
from services.raster.transfer import PIECE_BYTES, BlobSource, pieces, version_of

INFO = TaskInfo(
    ASSEMBLE_COG,
    "Makes the upper overviews and the header of a chunked COG, and commits its blocks.",
    timeout=timedelta(minutes=25),
)

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"

_SOURCE = "source"
_CONNECTIONS = 8
_NOT_FIRST = frozenset({"BLOB_EXISTS", "BLOB_BLOCKS_MISSING"})
"""What a commit meets after that of another attempt."""
_PARTS_GONE = frozenset({"BLOB_NOT_FOUND"})
"""What reading a part meets after the commit of another attempt, which deletes them."""


def run(parameters: AssembleCogParameters, context: TaskContext) -> CreatedCog:
    """Raises ``PermanentTaskError``: ``RASTER_ALL_NODATA``, ``RASTER_CHUNKS_INCONSISTENT``,
    ``RASTER_BLOCKS_LOST`` where a chunk's block is not there or is not of its size, or its reduced pixels
    are gone, ``RASTER_OUTPUT_EXISTS`` where another file has the name.

    An attempt that died after the commit is found by the blocks of the COG, and not made again.
    """
    plan, chunks = parameters.plan, _chunks_of(parameters, context)
    if not any(chunk.valid_pixels for chunk in chunks):
        _delete_parts(plan, context)
        raise PermanentTaskError("no pixel of the raster is valid", "RASTER_ALL_NODATA")
    info = _committed(plan, chunks, context)
    if info is None and not _are_staged(plan, chunks, context):
        info = _committed_meanwhile(plan, chunks, context)
    if info is None:
        with context.sandbox.workspace(context) as workspace:
            info = _assembled(plan, chunks, workspace, context)
    _delete_parts(plan, context)
    return CreatedCog(plan=plan, cog=version_of(plan.container, info))


def _chunks_of(parameters: AssembleCogParameters, context: TaskContext) -> tuple[CreatedChunk, ...]:
    count = 0 if parameters.plan.chunking is None else parameters.plan.chunking.count
    return tuple(
        CreatedChunk.model_validate(context.result_of(parameters.stage, f"{parameters.prefix}{number:06d}"))
        for number in range(count)
    )


def _committed(plan: RasterPlan, chunks: Sequence[CreatedChunk], context: TaskContext) -> BlobInfo | None:
    """The COG, where an attempt of this task has committed it. Raises ``RASTER_OUTPUT_EXISTS``."""
    present = context.blobs.blocks(plan.container, plan.cog_name)
    if not present:
        return None
    if not _is_made_of(present, chunks):
        raise _exists(plan)
    return context.blobs.info(plan.container, plan.cog_name)


def _is_made_of(present: Mapping[str, int], chunks: Sequence[CreatedChunk]) -> bool:
    """Whether blocks of a blob end with those of the chunks, in the order of a COG."""
    levels = len(chunks[0].pieces)
    expected = [
        (chunk.pieces[level].block_id, chunk.pieces[level].size)
        for level in reversed(range(levels))
        for chunk in chunks
    ]
    return list(present.items())[-len(expected) :] == expected


def _are_staged(plan: RasterPlan, chunks: Iterable[CreatedChunk], context: TaskContext) -> bool:
    staged = context.blobs.staged_blocks(plan.container, plan.cog_name)
    return all(staged.get(piece.block_id) == piece.size for chunk in chunks for piece in chunk.pieces)


def _committed_meanwhile(plan: RasterPlan, chunks: Sequence[CreatedChunk], context: TaskContext) -> BlobInfo:
    """What became of blocks, or parts, that are not there any more. Raises ``RASTER_BLOCKS_LOST``."""
    info = _committed(plan, chunks, context)
    if info is None:
        raise PermanentTaskError(
            "what the chunks staged is no longer there, or was changed: run the job anew",
            "RASTER_BLOCKS_LOST",
        )
    return info


def _assembled(
    plan: RasterPlan, chunks: tuple[CreatedChunk, ...], workspace: Workspace, context: TaskContext
) -> BlobInfo:
    try:
        parts = _download_parts(chunks, workspace.folder, context)
    except PermanentTaskError as exc:
        if exc.error_code not in _PARTS_GONE:
            raise
        return _committed_meanwhile(plan, chunks, context)
    request = AssembleRequest(source=_SOURCE, plan=plan, chunks=chunks, parts=parts)
    source = BlobSource(context.blobs, plan.source)
    made = workspace.run("assemble", request, AssembleResult, {_SOURCE: source})
    ids = [*_stage(plan, workspace.folder / made.header, HEADER_LEVEL, context)]
    for level in made.upper_levels:
        ids += _stage(plan, workspace.folder / level.name, level.level, context)
    context.raise_if_stopped()
    try:
        return context.blobs.commit_blocks(plan.container, plan.cog_name, [*ids, *made.block_ids], COG_TYPE)
    except PermanentTaskError as exc:
        if exc.error_code not in _NOT_FIRST:
            raise
        info = _committed_meanwhile(plan, chunks, context)
    _demand_equal(plan, info, workspace.folder / made.header, context)
    return info


def _demand_equal(plan: RasterPlan, info: BlobInfo, header: Path, context: TaskContext) -> None:
    """Raises ``RASTER_OUTPUT_EXISTS`` where what another attempt committed is not what this one made."""
    expected = header.read_bytes()
    found = context.blobs.read_range(plan.container, plan.cog_name, 0, len(expected), info.etag)
    if found != expected:
        raise _exists(plan)


def _stage(plan: RasterPlan, path: Path, level: int, context: TaskContext) -> list[str]:
    """Stage a file in blocks; returns their ids."""
    ids: list[str] = []
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            context.raise_if_stopped()
            ids.append(block_id(context.run, context.attempt, level, len(ids)))
            context.blobs.stage_block(plan.container, plan.cog_name, ids[-1], piece)
    return ids


def _download_parts(chunks: Sequence[CreatedChunk], folder: Path, context: TaskContext) -> tuple[str, ...]:
    """The chunks' reduced pixels as files of the folder; none where the chunks made all overviews."""

    def download(chunk: CreatedChunk) -> str:
        name = f"chunk-{chunk.chunk:06d}.tif"
        if chunk.reduced is not None:
            info = context.blobs.info(chunk.reduced.container, chunk.reduced.blob)
            version = version_of(chunk.reduced.container, info)
            with (folder / name).open("wb") as file:
                file.writelines(pieces(context.blobs, version, context))
        return name

    if any(chunk.reduced is None for chunk in chunks):
        return ()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        return tuple(pool.map(download, chunks))


def _delete_parts(plan: RasterPlan, context: TaskContext) -> None:
    """Those of attempts that came to nothing, too. Nobody misses them once the COG is there; what cannot be
    deleted now stays."""

    def delete(blob: BlobInfo) -> None:
        with suppress(TaskError):
            context.blobs.delete(plan.container, blob.name)

    with suppress(TaskError), ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(delete, context.blobs.list_blobs(plan.container, f"{plan.folder}/parts/")))


def _exists(plan: RasterPlan) -> PermanentTaskError:
    return PermanentTaskError(f"there is another file {plan.cog_name!r}", "RASTER_OUTPUT_EXISTS")
