"""Where each tile of a COG lies: levels are cut into pieces, and pieces follow each other level by level.

Pure arithmetic. The smallest overview comes first and full resolution last, as a COG wants it; within a level
pieces go row by row, and within a piece its tiles row by row, then its mask's tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schema.contracts.rasters import BLOCK, RasterPlan

_PIECE_BYTES = 16 * 1024 * 1024
_LARGEST_PIECE = 4096

Offsets = npt.NDArray[np.uint64]


class PieceMismatchError(ValueError):
    """A piece is not what its place in the level needs."""


def ceil_divide(number: int, by: int) -> int:
    return -(-number // by)


@dataclass(frozen=True)
class LevelGrid:
    """A level of ``width`` x ``height`` pixels, cut into pieces of whole tiles from the upper left."""

    level: int
    width: int
    height: int
    piece_width: int
    piece_height: int

    @property
    def columns(self) -> int:
        return ceil_divide(self.width, self.piece_width)

    @property
    def rows(self) -> int:
        return ceil_divide(self.height, self.piece_height)

    def window(self, piece: int) -> tuple[int, int, int, int]:
        """The pixels of a piece: row, column, height, width."""
        row, column = divmod(piece, self.columns)
        top, left = row * self.piece_height, column * self.piece_width
        return top, left, min(self.piece_height, self.height - top), min(self.piece_width, self.width - left)

    def tiles(self, piece: int) -> tuple[slice, slice]:
        """Which rows and columns of the level's tiles the piece is."""
        top, left, height, width = self.window(piece)
        row, column = top // BLOCK, left // BLOCK
        return (
            slice(row, row + ceil_divide(height, BLOCK)),
            slice(column, column + ceil_divide(width, BLOCK)),
        )


@dataclass(frozen=True)
class Piece:
    """Sizes in bytes, as in ``ChunkPiece``."""

    size: int
    tile_sizes: Sequence[int]
    mask_sizes: Sequence[int]


@dataclass(frozen=True)
class Tiles:
    """Offsets and sizes in bytes of a level's tiles, both of shape ``(rows, columns)``."""

    offsets: Offsets
    sizes: Offsets

    @classmethod
    def of(cls, grid: LevelGrid) -> "Tiles":
        shape = ceil_divide(grid.height, BLOCK), ceil_divide(grid.width, BLOCK)
        return cls(np.zeros(shape, np.uint64), np.zeros(shape, np.uint64))


@dataclass(frozen=True)
class PlacedLevel:
    width: int
    height: int
    image: Tiles
    mask: Tiles | None


def chunk_grids(plan: RasterPlan) -> list[LevelGrid]:
    """The levels that the chunks make, from full resolution on. The plan must have chunks."""
    chunking = plan.chunking
    if chunking is None:
        raise ValueError("the plan has no chunks")
    return [
        LevelGrid(
            level,
            ceil_divide(plan.grid.width, 1 << level),
            ceil_divide(plan.grid.height, 1 << level),
            chunking.width >> level,
            chunking.height >> level,
        )
        for level in range(min(chunking.levels, plan.overviews) + 1)
    ]


def upper_grids(plan: RasterPlan) -> list[LevelGrid]:
    """The levels above those of the chunks, from the largest on; each piece has at most 16 MiB of pixels, or
    is a single tile."""
    first = len(chunk_grids(plan))
    side = _piece_side(plan.encoding.count * np.dtype(plan.encoding.dtype).itemsize)
    return [
        LevelGrid(
            level,
            ceil_divide(plan.grid.width, 1 << level),
            ceil_divide(plan.grid.height, 1 << level),
            side,
            side,
        )
        for level in range(first, plan.overviews + 1)
    ]


def _piece_side(pixel_bytes: int) -> int:
    side = BLOCK
    while side < _LARGEST_PIECE and 4 * side * side * pixel_bytes <= _PIECE_BYTES:
        side *= 2
    return side


def place(levels: Sequence[tuple[LevelGrid, Sequence[Piece]]], masked: bool) -> list[PlacedLevel]:
    """Lay out the levels, given from full resolution on, counting offsets from the end of the header.

    Raises ``PieceMismatchError``.
    """
    placed: list[PlacedLevel] = []
    offset = 0
    for grid, pieces in reversed(levels):
        level, offset = _place_level(grid, pieces, masked, offset)
        placed.append(level)
    return placed[::-1]


def _place_level(
    grid: LevelGrid, pieces: Sequence[Piece], masked: bool, offset: int
) -> tuple[PlacedLevel, int]:
    if len(pieces) != grid.columns * grid.rows:
        raise PieceMismatchError(f"level {grid.level} has {len(pieces)} pieces")
    image, mask = Tiles.of(grid), Tiles.of(grid) if masked else None
    for number, piece in enumerate(pieces):
        here = f"piece {number} of level {grid.level}"
        end = _fill(image, grid.tiles(number), piece.tile_sizes, offset, here)
        if mask is not None:
            end = _fill(mask, grid.tiles(number), piece.mask_sizes, end, here)
        if end - offset != piece.size or bool(piece.mask_sizes) != masked:
            raise PieceMismatchError(f"{here} does not add up")
        offset = end
    return PlacedLevel(grid.width, grid.height, image, mask), offset


def _fill(tiles: Tiles, where: tuple[slice, slice], sizes: Sequence[int], offset: int, here: str) -> int:
    """Enter a piece's tiles that begin at the offset; returns where they end."""
    shape = tiles.sizes[where].shape
    if len(sizes) != shape[0] * shape[1]:
        raise PieceMismatchError(f"{here} has {len(sizes)} tiles where {shape[0] * shape[1]} belong")
    ends = np.cumsum(np.array(sizes, np.uint64)) + np.uint64(offset)
    tiles.sizes[where] = np.reshape(sizes, shape)
    tiles.offsets[where] = (ends - np.array(sizes, np.uint64)).reshape(shape)
    return int(ends[-1])
