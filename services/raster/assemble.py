"""The operation ``assemble``: from the results of all chunks to the order of the COG's blocks."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import base64
import warnings
from collections.abc import Sequence
from pathlib import Path

from rasterio.errors import NotGeoreferencedWarning

from schema.contracts.process_raster import ChunkPiece, CreatedChunk
from schema.errors import PermanentTaskError
from services.raster.assemblies import AssembleRequest, AssembleResult, LevelFile
from services.raster.assembly import UpperLevel, build_upper_levels, header_of
from services.raster.files import Box
from services.raster.layout import Piece, PieceMismatchError, chunk_grids
from services.raster.template import make_template

_HEADER = "header"
_OF_UPPER_LEVELS = 0.95


def run(request: AssembleRequest, box: Box) -> AssembleResult:
    """Raises ``PermanentTaskError``: ``RASTER_CHUNKS_INCONSISTENT``, and what making the template raises."""
    plan, chunks = request.plan, request.chunks
    levels = _by_level(chunks, len(chunk_grids(plan)))
    parts = [box.folder / name for name in request.parts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with box.source(request.source, plan.description.driver).open() as source:
            template = make_template(source, plan, box.folder)
    upper = build_upper_levels(plan, parts, box.folder, lambda done: box.progress(_OF_UPPER_LEVELS * done))
    tables = _one_set_of_tables(chunks, upper)
    try:
        header = header_of(plan, template, [_pieces(level) for level in levels], upper, tables)
    except PieceMismatchError as exc:
        raise _inconsistent(str(exc)) from exc
    (box.folder / _HEADER).write_bytes(header)
    return AssembleResult(
        header=_HEADER,
        upper_levels=tuple(_file(level) for level in reversed(upper)),
        block_ids=tuple(piece.block_id for level in reversed(levels) for piece in level),
    )


def _by_level(chunks: Sequence[CreatedChunk], count: int) -> list[list[ChunkPiece]]:
    """The pieces of each level in the order of the chunks, from full resolution on."""
    for number, chunk in enumerate(chunks):
        if chunk.chunk != number or [piece.level for piece in chunk.pieces] != list(range(count)):
            raise _inconsistent(f"chunk {number} has not the levels that the plan says")
    return [[chunk.pieces[level] for chunk in chunks] for level in range(count)]


def _pieces(level: Sequence[ChunkPiece]) -> list[Piece]:
    return [Piece(piece.size, piece.tile_sizes, piece.mask_sizes) for piece in level]


def _one_set_of_tables(chunks: Sequence[CreatedChunk], upper: Sequence[UpperLevel]) -> bytes | None:
    """The JPEG tables that all tiles were made with: a directory has room for one set."""
    found = {_decoded(chunk.jpeg_tables) for chunk in chunks} | {level.jpeg_tables for level in upper}
    if len(found) != 1:
        raise _inconsistent("the chunks were not compressed with the same tables")
    return found.pop()


def _decoded(tables: str | None) -> bytes | None:
    return None if tables is None else base64.b64decode(tables)


def _file(level: UpperLevel) -> LevelFile:
    return LevelFile(level=level.grid.level, name=level.path.name, size=_size(level.path))


def _size(path: Path) -> int:
    return path.stat().st_size


def _inconsistent(reason: str) -> PermanentTaskError:
    return PermanentTaskError(reason, "RASTER_CHUNKS_INCONSISTENT")
