"""A COG put together from what the chunks staged: the overviews above theirs, and the header."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj

from schema.contracts.rasters import RasterPlan
from services.raster.encoding import encode_level
from services.raster.header import Template, write_header
from services.raster.layout import LevelGrid, Piece, chunk_grids, place, upper_grids
from services.raster.mosaic import Mosaic, write_part
from services.raster.reducing import Reducer, reducer_of


@dataclass(frozen=True)
class UpperLevel:
    """An overview above those of the chunks; ``path`` is a file of all its pieces, in order."""

    grid: LevelGrid
    path: Path
    pieces: tuple[Piece, ...]
    jpeg_tables: bytes | None


def build_upper_levels(
    plan: RasterPlan,
    parts: Sequence[Path],
    folder: Path,
    progress: Callable[[float], None] = lambda _: None,
) -> list[UpperLevel]:
    """Make the overviews above those of the chunks, from the largest on.

    ``parts`` are the chunks at their last level, as ``write_part`` wrote them; they are deleted once they
    were read. Memory is that of one piece whatever the raster's size; the pixels of a level lie in the
    folder until the next is made.
    """
    grids = upper_grids(plan)
    below = Mosaic(chunk_grids(plan)[-1], plan.encoding, parts)
    reduce = reducer_of(plan)
    made: list[UpperLevel] = []
    for number, grid in enumerate(grids):
        level, below = _build_level(grid, below, reduce, folder, number + 1 < len(grids))
        made.append(level)
        progress((number + 1) / len(grids))
    return made


def _build_level(
    grid: LevelGrid, below: Mosaic, reduce: Reducer, folder: Path, more: bool
) -> tuple[UpperLevel, Mosaic]:
    """Make one level of the one below it, piece by piece, and where there are ``more`` keep its pixels."""
    path = folder / f"level-{grid.level:02d}"
    pieces: list[Piece] = []
    parts: list[Path] = []
    tables: bytes | None = None
    with path.open("wb") as tiles:
        for number in range(grid.columns * grid.rows):
            pixels, valid = reduce(*below.read(*_doubled(grid.window(number), below.grid)))
            encoded = encode_level(pixels, valid, below.encoding, folder, "piece")
            with encoded.path.open("rb") as piece:
                copyfileobj(piece, tiles)
            encoded.path.unlink()
            pieces.append(Piece(encoded.size, encoded.tile_sizes, encoded.mask_sizes))
            tables = encoded.jpeg_tables
            if more:
                parts.append(folder / f"part-{grid.level:02d}-{number:06d}.tif")
                write_part(parts[-1], pixels, valid)
    for part in below.parts:
        with suppress(FileNotFoundError):
            part.unlink()
    return UpperLevel(grid, path, tuple(pieces), tables), Mosaic(grid, below.encoding, parts)


def _doubled(window: tuple[int, int, int, int], below: LevelGrid) -> tuple[int, int, int, int]:
    top, left, height, width = window
    return 2 * top, 2 * left, min(2 * height, below.height - 2 * top), min(2 * width, below.width - 2 * left)


def header_of(
    plan: RasterPlan,
    template: Template,
    chunk_levels: Sequence[Sequence[Piece]],
    upper: Sequence[UpperLevel],
    jpeg_tables: bytes | None,
) -> bytes:
    """The COG's start. ``chunk_levels`` are the chunks' pieces by level from full resolution on, each in the
    order of the chunks. Raises ``PieceMismatchError``."""
    levels = [*zip(chunk_grids(plan), chunk_levels, strict=True)]
    levels += [(level.grid, level.pieces) for level in upper]
    return write_header(template, place(levels, plan.encoding.mask), jpeg_tables)
