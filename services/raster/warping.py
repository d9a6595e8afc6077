"""Pixels resampled to the output grid, piece by piece in bounded memory.

Pieces are cut from the grid and not from what is asked for, so that a chunk and the whole come out alike.
"""

# rasterio comes without types, and how its Window is called is only known at run time.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportCallIssue=false

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.enums import Resampling
from rasterio.warp import reproject
from rasterio.windows import Window

from schema.contracts.rasters import BLOCK, RasterPlan, ResamplingMethod
from services.raster.masks import Pixels, Valid
from services.raster.reducing import Method
from services.raster.source_pixels import SourcePixels, read_reduced, read_source
from services.raster.source_windows import Warp

MAX_SOURCE_BYTES = 160_000_000
"""What the source's part of one reading may take in memory, with what is made of it to be resampled."""

_SMALLEST = 16
_EXACT_IN_FLOAT32 = 2
_TOGETHER = 4

_Values = tuple[Pixels, Valid]


@dataclass(frozen=True)
class Resampled:
    """A part of a window: ``values`` ``(bands, height, width)`` in the type of the resampling, a float with
    room for the output's values, or the source's own where values are only picked; where each band is
    ``valid``; and the rows and columns of the window that it is."""

    values: Pixels
    valid: Valid
    place: tuple[slice, slice]


@dataclass(frozen=True)
class _Piece:
    """A square of the output grid and its window of the source."""

    output: Window
    source: Window | None


class Warper:
    """Resamples an open source to the grid of its plan.

    ``max_source_bytes``: a piece whose part of the source takes more is cut further, and where that does not
    help, its source is read at half its size, a quarter, and so on.
    """

    def __init__(self, dataset: Any, plan: RasterPlan, max_source_bytes: int = MAX_SOURCE_BYTES) -> None:
        self._dataset = dataset
        self._plan = plan
        self._warp = Warp(dataset, plan)
        self._max_pixels = max(1, max_source_bytes // _bytes_of_pixel(plan))

    def pieces(self, window: Window) -> Iterator[Resampled]:
        """All that the source has for the window, piece by piece."""
        cells = [_Piece(cell, self._warp.source_window(cell)) for cell in _cells_of(window)]
        for group in self._groups(cells):
            yield from self._resampled_group(group, window)

    def _groups(self, pieces: Sequence[_Piece]) -> Iterator[Sequence[_Piece]]:
        """Neighbours whose windows of the source are read at once."""
        wanted = [piece for piece in pieces if piece.source is not None]
        if not wanted:
            return
        if len(wanted) == 1 or self._fits(_around(wanted)):
            yield wanted
            return
        middle = len(wanted) // 2
        yield from self._groups(wanted[:middle])
        yield from self._groups(wanted[middle:])

    def _fits(self, source: Window) -> bool:
        return source.width * source.height <= self._max_pixels

    def _resampled_group(self, group: Sequence[_Piece], window: Window) -> Iterator[Resampled]:
        around = _around(group)
        whole = read_source(self._dataset, self._plan, around) if self._fits(around) else None
        for piece in group:
            if whole is None:
                values, valid = self._piece(piece.output)
            else:
                values, valid = self._resampled(_part(whole, around, piece), piece)
            kept, place = _overlap(piece.output, window)
            yield Resampled(values[:, *kept], valid[:, *kept], place)

    def _piece(self, output: Window) -> _Values:
        """A piece whose source is too large to be read at once."""
        piece = _Piece(output, self._warp.source_window(output))
        if piece.source is None or self._fits(piece.source):
            source = None if piece.source is None else read_source(self._dataset, self._plan, piece.source)
            return self._resampled(source, piece)
        if max(output.width, output.height) <= _SMALLEST:
            return self._shrunk(piece, piece.source)
        shape = (self._plan.encoding.count, output.height, output.width)
        made = np.zeros(shape, _type_of(self._plan)), np.zeros(shape, np.bool_)
        for part in _quarters(output):
            values, valid = self._piece(part)
            _, place = _overlap(part, output)
            made[0][:, *place], made[1][:, *place] = values, valid
        return made

    def _shrunk(self, piece: _Piece, source: Window) -> _Values:
        halvings = 0
        while (source.width >> halvings) * (source.height >> halvings) > self._max_pixels:
            halvings += 1
        method: Method = "nearest" if _picks(self._plan) else "average"
        found = read_reduced(self._dataset, self._plan, source, halvings, method)
        return self._resampled(found, piece, 1 << halvings)

    def _resampled(self, source: SourcePixels | None, piece: _Piece, step: int = 1) -> _Values:
        shape = (self._plan.encoding.count, piece.output.height, piece.output.width)
        values, valid = np.zeros(shape, _type_of(self._plan)), np.zeros(shape, np.bool_)
        if source is None or piece.source is None:
            return values, valid
        target = {"dst_crs": self._warp.crs, "dst_transform": self._warp.transform_of(piece.output)}
        for place in self._warp.source_arguments(piece.source, step):
            for bands in _alike(source):
                found, here = self._bands(source, bands, shape[1:], place | target)
                new = here & ~valid[bands]
                values[bands] = np.where(new, found, values[bands])
                valid[bands] |= here
        return values, valid

    def _bands(
        self, source: SourcePixels, bands: list[int], shape: tuple[int, ...], how: dict[str, Any]
    ) -> _Values:
        pixels, gaps = source.pixels[bands], [source.valid(band) for band in bands]
        valid = None if gaps[0] is None else np.stack([gap for gap in gaps if gap is not None])
        if self._plan.resampling is ResamplingMethod.NEAREST:
            return _nearest(pixels, valid, shape, how)
        if self._plan.resampling is ResamplingMethod.MODE:
            return _mode(pixels, valid, shape, how)
        floats = pixels.astype(_type_of(self._plan))
        if valid is not None:
            floats[~valid] = np.nan
        method = Resampling[self._plan.resampling.value]
        return _floats(floats, shape, how, method, gaps=valid is not None)


def _alike(source: SourcePixels) -> Iterator[list[int]]:
    """Bands that are resampled together: a few at a time, those without gaps apart, as they go faster."""
    gaps = [source.valid(band) is not None for band in range(len(source.pixels))]
    for kind in (False, True):
        bands = [band for band, gap in enumerate(gaps) if gap is kind]
        yield from (bands[first : first + _TOGETHER] for first in range(0, len(bands), _TOGETHER))


def _floats(
    floats: Pixels, shape: tuple[int, ...], how: dict[str, Any], method: Resampling, *, gaps: bool
) -> _Values:
    made = np.full((len(floats), *shape), np.nan, floats.dtype)
    if gaps:
        how = how | {"src_nodata": np.nan, "dst_nodata": np.nan, "UNIFIED_SRC_NODATA": "NO"}
    reproject(floats, made, resampling=method, init_dest_nodata=gaps, **how)
    return made, ~np.isnan(made)


def _nearest(pixels: Pixels, valid: Valid | None, shape: tuple[int, ...], how: dict[str, Any]) -> _Values:
    made = np.zeros((len(pixels), *shape), pixels.dtype)
    mask = np.ones((1, *pixels.shape[1:]), np.uint8) if valid is None else valid.astype(np.uint8)
    kept = np.zeros((len(mask), *shape), np.uint8)
    reproject(np.ascontiguousarray(pixels), made, resampling=Resampling.nearest, **how)
    reproject(mask, kept, resampling=Resampling.nearest, **how)
    return made, np.broadcast_to(kept != 0, made.shape)


def _mode(pixels: Pixels, valid: Valid | None, shape: tuple[int, ...], how: dict[str, Any]) -> _Values:
    """GDAL counts values as 32-bit floats: wider ones are counted by their place among all that there are."""
    known, places = None, pixels
    if pixels.dtype.itemsize > _EXACT_IN_FLOAT32:
        known, places = np.unique(pixels, return_inverse=True)
    floats = places.reshape(pixels.shape).astype(np.float32)
    if valid is not None:
        floats[~valid] = np.nan
    made, kept = _floats(floats, shape, how, Resampling.mode, gaps=valid is not None)
    picked = np.where(kept, made, 0)
    return (picked.astype(pixels.dtype) if known is None else known[picked.astype(np.int64)]), kept


def _picks(plan: RasterPlan) -> bool:
    """Whether every value of the output is one of the source's."""
    return plan.resampling in {ResamplingMethod.NEAREST, ResamplingMethod.MODE}


def _type_of(plan: RasterPlan) -> np.dtype[Any]:
    dtype = np.dtype(plan.description.dtype)
    if _picks(plan):
        return dtype
    small = dtype == np.float32 or dtype.itemsize <= _EXACT_IN_FLOAT32
    return np.dtype(np.float32 if small else np.float64)


def _bytes_of_pixel(plan: RasterPlan) -> int:
    """Of the source in memory: all bands, a mask, and some bands made ready with their own validity."""
    count, item = plan.encoding.count, np.dtype(plan.description.dtype).itemsize
    return count * item + 1 + min(count, _TOGETHER) * (2 * _type_of(plan).itemsize + 2)


def _cells_of(window: Window) -> list[Window]:
    """The squares of the grid that the window touches, row by row."""
    first_row, first_column = window.row_off // BLOCK, window.col_off // BLOCK
    last_row, last_column = (
        (window.row_off + window.height - 1) // BLOCK,
        (window.col_off + window.width - 1) // BLOCK,
    )
    return [
        Window(column * BLOCK, row * BLOCK, BLOCK, BLOCK)
        for row in range(first_row, last_row + 1)
        for column in range(first_column, last_column + 1)
    ]


def _quarters(window: Window) -> list[Window]:
    width, height = window.width // 2, window.height // 2
    return [
        Window(window.col_off + column, window.row_off + row, width, height)
        for row in (0, height)
        for column in (0, width)
    ]


def _around(pieces: Sequence[_Piece]) -> Window:
    found = [piece.source for piece in pieces if piece.source is not None]
    left, top = min(each.col_off for each in found), min(each.row_off for each in found)
    right = max(each.col_off + each.width for each in found)
    bottom = max(each.row_off + each.height for each in found)
    return Window(left, top, right - left, bottom - top)


def _part(whole: SourcePixels, around: Window, piece: _Piece) -> SourcePixels | None:
    if piece.source is None:
        return None
    top, left = piece.source.row_off - around.row_off, piece.source.col_off - around.col_off
    return whole.part(slice(top, top + piece.source.height), slice(left, left + piece.source.width))


def _overlap(piece: Window, window: Window) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where the two overlap: rows and columns within the piece, and within the window."""
    top, left = max(piece.row_off, window.row_off), max(piece.col_off, window.col_off)
    bottom = min(piece.row_off + piece.height, window.row_off + window.height)
    right = min(piece.col_off + piece.width, window.col_off + window.width)

    def within(frame: Window) -> tuple[slice, slice]:
        rows = slice(top - frame.row_off, bottom - frame.row_off)
        return rows, slice(left - frame.col_off, right - frame.col_off)

    return within(piece), within(window)
