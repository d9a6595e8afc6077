"""A window of the output grid, from the source: as it is, or resampled."""

# rasterio comes without types, and how its Window is called is only known at run time.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportCallIssue=false

from typing import Any

import numpy as np
from rasterio.windows import Window

from schema.contracts.rasters import Chunking, Grid, MaskKind, RasterPlan
from services.raster.masks import Pixels, Valid, has_value, holds, kept_alpha
from services.raster.reducing import beside
from services.raster.source_pixels import SourcePixels, read_source
from services.raster.warping import Warper


def read_window(dataset: Any, plan: RasterPlan, window: Window) -> tuple[Pixels, Valid | None]:
    """Pixels ``(bands, height, width)`` of a window of the output grid, in the output's type, and its mask.

    The window lies within the grid. The mask, ``(height, width)``, is there exactly where the output has
    one; without it, nodata, NaN or alpha say in the pixels themselves which are valid. Pixels that are not
    resampled come as the source has them, bit by bit, except where a mask must become nodata.
    Raises ``PermanentTaskError`` (``RASTER_UNREADABLE``, or that of a source without a place).
    """
    if plan.warped:
        return _resampled(dataset, plan, window)
    source = read_source(dataset, plan, window)
    pixels = source.pixels.astype(plan.encoding.dtype, copy=False)
    if plan.encoding.mask:
        return pixels, _mask_of(source, plan)
    if plan.encoding.nodata is not None and source.mask is not None and source.alpha is None:
        pixels[:, ~source.mask] = _filling(plan)
    return pixels, None


def chunk_window(grid: Grid, chunking: Chunking, chunk: int) -> Window:
    """The chunk's part of the grid; those at the right and bottom edges end with it."""
    row, column = divmod(chunk, chunking.columns)
    left, top = column * chunking.width, row * chunking.height
    return Window(left, top, min(chunking.width, grid.width - left), min(chunking.height, grid.height - top))


def _mask_of(source: SourcePixels, plan: RasterPlan) -> Valid:
    """The source's own mask as it is, where the output says for itself what else is invalid; otherwise with
    nodata and NaN taken off."""
    told = source.nodata is None or (plan.encoding.nodata is not None and plan.options.nodata is None)
    if plan.description.mask is MaskKind.INTERNAL and told and source.mask is not None:
        return source.mask
    return source.valid_anywhere()


def _resampled(dataset: Any, plan: RasterPlan, window: Window) -> tuple[Pixels, Valid | None]:
    """Nodata is no value of alpha: that is 0 where there is nothing, and else as it comes."""
    count, alpha = plan.encoding.count, kept_alpha(plan)
    colors = [band for band in range(count) if band != alpha]
    filling = np.zeros((count, 1, 1), plan.encoding.dtype)
    filling[colors] = _filling(plan)
    pixels = np.tile(filling, (1, window.height, window.width))
    mask = np.zeros(pixels.shape[1:], np.bool_) if plan.encoding.mask else None
    for piece in Warper(dataset, plan).pieces(window):
        made = _typed(piece.values, piece.valid, pixels.dtype)
        for band in colors:
            _keep_off_nodata(made[band], plan)
        pixels[:, *piece.place] = np.where(piece.valid, made, filling)
        if mask is not None:
            mask[piece.place] = np.logical_or.reduce(piece.valid)
    return pixels, mask


def _typed(values: Pixels, valid: Valid, dtype: np.dtype[Any]) -> Pixels:
    """Rounded half to even and held to what the type can hold; anything where invalid."""
    if values.dtype == dtype or dtype.kind == "f":
        return values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    if values.dtype.kind == "f":
        values = np.rint(np.where(valid, values, 0))
    return np.clip(values, limits.min, limits.max).astype(dtype)


def _keep_off_nodata(pixels: Pixels, plan: RasterPlan) -> None:
    """What is valid may not look like nodata by the chance of resampling."""
    nodata = plan.encoding.nodata
    if nodata is None or np.isnan(float(nodata)) or not holds(pixels.dtype, float(nodata)):
        return
    found = has_value(pixels, nodata)
    if found is not None:
        typed = pixels.dtype.type(float(nodata))
        pixels[pixels == typed] = beside(typed)


def _filling(plan: RasterPlan) -> Any:
    """What stands where there is nothing: nodata, else NaN where nothing but that can say so, else 0."""
    dtype = np.dtype(plan.encoding.dtype)
    nodata = plan.encoding.nodata
    if nodata is not None and holds(dtype, float(nodata)):
        return dtype.type(float(nodata))
    silent = not plan.encoding.mask and plan.description.mask is not MaskKind.ALPHA
    return dtype.type(np.nan if silent and dtype.kind == "f" else 0)
