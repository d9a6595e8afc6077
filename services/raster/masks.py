"""Which pixels count: those that are neither nodata nor NaN nor masked."""

from typing import Any

import numpy as np
import numpy.typing as npt

from schema.contracts.rasters import MaskKind, Number, RasterPlan

Pixels = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]


def has_value(pixels: Pixels, nodata: Number | None) -> Valid | None:
    """Where pixels are neither ``nodata`` nor NaN, of the same shape; ``None`` where all are."""
    value = None if nodata is None else float(nodata)
    found = None
    if pixels.dtype.kind == "f":
        found = ~np.isnan(pixels)
    if value is not None and not np.isnan(value) and holds(pixels.dtype, value):
        unlike = pixels != pixels.dtype.type(value)
        found = unlike if found is None else found & unlike
    return None if found is None or bool(found.all()) else found


def holds(dtype: np.dtype[Any], value: float) -> bool:
    """Whether a pixel of this type can have the value; another one is nobody's nodata."""
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return np.isfinite(value) and value.is_integer() and limits.min <= value <= limits.max


def kept_alpha(plan: RasterPlan) -> int | None:
    """Which of the output's bands, counted from 0, is alpha."""
    if plan.description.mask is not MaskKind.ALPHA or plan.encoding.drop_alpha:
        return None
    return plan.description.color_interpretation.index("alpha")


def count_valid(pixels: Pixels, valid: Valid | None, plan: RasterPlan) -> int:
    """How many pixels of an output window are valid in any band.

    ``pixels`` has the shape ``(bands, height, width)``, ``valid`` is the mask, where there is one.
    """
    alpha = kept_alpha(plan)
    if alpha is not None:
        valid = pixels[alpha] != 0
    found = np.zeros(pixels.shape[1:], np.bool_)
    for band, values in enumerate(pixels):
        here = has_value(values, plan.encoding.nodata)
        if band == alpha:
            continue
        if here is None:
            found[:] = True
            break
        found |= here
    return int(np.count_nonzero(found if valid is None else found & valid))
