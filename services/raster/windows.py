"""A raster read a window at a time: which windows, which of their pixels are valid, and at which level."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

from schema.contracts.rasters import BLOCK
from services.raster.numbers import itemsize

WINDOW_BYTES = 32_000_000
"""Bytes of the pixels of one window, at most, as long as one block of all bands has no more."""

_MOST_WINDOW_BYTES = 64_000_000
"""Of a window within such a block: two are held at once, beside the whole blocks that GDAL holds."""


def windows(width: int, height: int, pixel_bytes: int) -> Iterator[Window]:
    """Cut a raster into windows of whole blocks, a row of blocks high, as wide as ``WINDOW_BYTES`` allows;
    blocks of very many bands into some of their rows, all of a block before the next.

    ``pixel_bytes`` is the size of one pixel in all bands.
    """
    blocks = max(1, WINDOW_BYTES // (BLOCK * BLOCK * pixel_bytes))
    step, rows = blocks * BLOCK, _rows_of_block(pixel_bytes)
    for row in range(0, height, BLOCK):
        for column in range(0, width, step):
            for top in range(row, min(row + BLOCK, height), rows):
                yield window(column, top, min(step, width - column), min(rows, height - top))


def _rows_of_block(pixel_bytes: int) -> int:
    rows = BLOCK
    while rows > 1 and rows * BLOCK * pixel_bytes > _MOST_WINDOW_BYTES:
        rows //= 2
    return rows


def window(column: int, row: int, width: int, height: int) -> Window:
    return Window(column, row, width, height)  # pyright: ignore[reportCallIssue] -- attrs makes what it takes


def windows_of(dataset: Any) -> Iterator[Window]:
    pixel_bytes = dataset.count * itemsize(dataset.dtypes[0])
    return windows(dataset.width, dataset.height, pixel_bytes)


def valid_pixels(
    dataset: Any, window: Window, pixels: npt.NDArray[Any], nodata: Sequence[float | None]
) -> npt.NDArray[np.bool_]:
    """Which of the pixels, of shape ``(bands, rows, columns)``, are valid: by mask, alpha, NaN, and
    ``nodata`` of each band, which need not be what the dataset says."""
    valid = np.ones(pixels.shape, dtype=np.bool_)
    if ColorInterp.alpha in dataset.colorinterp:  # which the flags pass over where there is nodata too
        _apply_alpha(dataset, pixels, valid)
    elif MaskFlags.per_dataset in dataset.mask_flag_enums[0]:
        valid &= dataset.read_masks(1, window=window) > 0
    for band, value in enumerate(nodata[: len(pixels)]):
        if value is not None and not np.isnan(value):
            valid[band] &= pixels[band] != _as_pixel(value, pixels.dtype)
    if pixels.dtype.kind == "f":
        valid &= ~np.isnan(pixels)
    return valid


def valid_shown(dataset: Any, bands: list[int], pixels: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """As ``valid_pixels``, for some bands of the whole raster, read smaller than they are."""
    masks = dataset.read_masks(bands, out_shape=pixels.shape)
    valid = masks > 0
    return valid & ~np.isnan(pixels) if pixels.dtype.kind == "f" else valid


def _as_pixel(nodata: float, dtype: np.dtype[Any]) -> float:
    """An integer where pixels are: comparing with a float would make floats of them all."""
    return int(nodata) if dtype.kind in "iu" and float(nodata).is_integer() else nodata


def _apply_alpha(dataset: Any, pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
    band = dataset.colorinterp.index(ColorInterp.alpha)
    opaque = pixels[band] > 0
    for each in range(len(valid)):
        if each != band:
            valid[each] &= opaque
