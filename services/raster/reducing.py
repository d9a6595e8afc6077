"""Overviews: each half the one before, made of two by two pixels, so that pieces have no seams."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from schema.contracts.rasters import Number, RasterPlan
from services.raster.masks import Pixels, Valid, has_value, holds, kept_alpha

Method = Literal["average", "nearest"]
Reducer = Callable[[Pixels, Valid | None], tuple[Pixels, Valid | None]]

_STRIPE_PIXELS = 1 << 20
"""Pixels of one band that are worked on at a time: some ten temporaries of it exist at once."""


def reducer_of(plan: RasterPlan) -> Reducer:
    """``reduce`` as the plan's output wants it."""

    def reduced(pixels: Pixels, valid: Valid | None) -> tuple[Pixels, Valid | None]:
        return reduce(pixels, valid, plan.encoding.nodata, plan.overview_resampling, alpha=kept_alpha(plan))

    return reduced


def reduce(
    pixels: Pixels,
    valid: Valid | None,
    nodata: Number | None,
    method: Method,
    *,
    alpha: int | None = None,
) -> tuple[Pixels, Valid | None]:
    """Halve both sides, rounded up, of pixels ``(bands, height, width)`` and their mask ``(height, width)``.

    ``average``: the mean of those of the four pixels that are valid, rounded half to even for integers; a
    pixel is valid where one of the four is. A mean that happens to be ``nodata`` becomes the value next to
    it. ``nearest``: the upper left of the four, and its mask. Besides the mask, nodata and NaN are invalid
    in each band by itself. The band ``alpha``, counted from 0, is reduced as it is, and pixels
    where it is 0 do not count in the others. Where no pixel is valid, the result is ``nodata``, NaN or 0.
    """
    if method == "nearest":
        small = None if valid is None else np.ascontiguousarray(valid[::2, ::2])
        return np.ascontiguousarray(pixels[:, ::2, ::2]), small
    count, height, width = pixels.shape
    made = np.empty((count, (height + 1) // 2, (width + 1) // 2), pixels.dtype)
    made_valid = None if valid is None else np.empty(made.shape[1:], np.bool_)
    rows = max(2, _STRIPE_PIXELS // max(width, 1) // 2 * 2)
    for top in range(0, height, rows):
        source, target = slice(top, top + rows), slice(top // 2, (top + rows) // 2)
        stripe = None if valid is None else valid[source]
        if made_valid is not None and stripe is not None:
            made_valid[target] = np.logical_or.reduce(_quarters(stripe))
        shown = stripe if alpha is None else pixels[alpha, source] != 0
        for band in range(count):
            told = (None, None) if band == alpha else (shown, nodata)
            made[band, target] = _averaged(pixels[band, source], *told)
    return made, made_valid


def _quarters(array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
    """The four pixels of each square. At an odd edge the last ones count twice, which changes no mean."""
    height, width = array.shape
    if height % 2 or width % 2:
        array = np.pad(array, ((0, height % 2), (0, width % 2)), mode="edge")
    return array[::2, ::2], array[::2, 1::2], array[1::2, ::2], array[1::2, 1::2]


def _averaged(pixels: Pixels, mask: Valid | None, nodata: Number | None) -> Pixels:
    found = has_value(pixels, nodata)
    if mask is not None and not mask.all():
        found = mask if found is None else found & mask
    four = _quarters(pixels)
    if found is None:
        means = _mean(four, None)
        return _beside_nodata(means, None, nodata)
    kept = _quarters(found)
    counts = np.add.reduce([each.view(np.uint8) for each in kept])
    means = _mean(tuple(np.where(k, p, 0) for k, p in zip(kept, four, strict=True)), counts)
    means = _beside_nodata(means, counts, nodata)
    means[counts == 0] = _filling(pixels.dtype, nodata)
    return means


def _mean(four: tuple[Pixels, ...], counts: npt.NDArray[np.uint8] | None) -> Pixels:
    """The sum of four over the counts (4 where ``None``); where that is 0, anything."""
    dtype = four[0].dtype
    if dtype.kind == "f":
        return _float_mean(four, counts)
    total: Any = np.add(four[0], four[1], dtype=_sum_type(dtype))
    total += four[2]
    total += four[3]
    if counts is None:
        return ((total + 1 + ((total >> 2) & 1)) >> 2).astype(dtype)
    divisors = np.maximum(counts, 1).astype(total.dtype)
    return _rounded(total // divisors, total % divisors, divisors).astype(dtype)


def _sum_type(dtype: np.dtype[Any]) -> Any:
    return {1: np.int16, 2: np.int32, 4: np.int64}[dtype.itemsize]


def _rounded(floors: Pixels, rests: Pixels, divisors: Pixels) -> Pixels:
    """Half to even, of ``floors + rests / divisors``."""
    twice = 2 * rests
    return floors + ((twice > divisors) | ((twice == divisors) & (floors & 1 == 1)))


def _float_mean(four: tuple[Pixels, ...], counts: npt.NDArray[np.uint8] | None) -> Pixels:
    with np.errstate(invalid="ignore", over="ignore"):
        total = np.add(four[0], four[1], dtype=np.float64)
        total += four[2]
        total += four[3]
        total /= 4 if counts is None else np.maximum(counts, 1)
        return total.astype(four[0].dtype)


def _beside_nodata(means: Pixels, counts: npt.NDArray[np.uint8] | None, nodata: Number | None) -> Pixels:
    """A mean of valid pixels is valid, so it may not be nodata."""
    value = None if nodata is None else float(nodata)
    if value is None or np.isnan(value) or not holds(means.dtype, value):
        return means
    typed = means.dtype.type(value)
    hit = means == typed
    if counts is not None:
        hit &= counts > 0
    if hit.any():
        means[hit] = beside(typed)
    return means


def beside(value: Any) -> Any:
    """The next value of the same type towards 0; from 0, the one above."""
    if value.dtype.kind == "f":
        return np.nextafter(value, value.dtype.type(0 if value else 1))
    return value + value.dtype.type(1) if value <= 0 else value - value.dtype.type(1)


def _filling(dtype: np.dtype[Any], nodata: Number | None) -> Any:
    if nodata is not None and holds(dtype, float(nodata)):
        return float(nodata) if dtype.kind == "f" else int(float(nodata))
    return np.nan if dtype.kind == "f" else 0
