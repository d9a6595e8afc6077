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


def keeps_alpha(plan: RasterPlan) -> bool:
    """Whether the output's last band is alpha."""
    return plan.description.mask is MaskKind.ALPHA and not plan.encoding.drop_alpha


def count_valid(pixels: Pixels, valid: Valid | None, plan: RasterPlan) -> int:
    """How many pixels of an output window are valid in any band.

    ``pixels`` has the shape ``(bands, height, width)``, ``valid`` is the mask, where there is one.
    """
    if valid is not None:
        return int(np.count_nonzero(valid))
    if keeps_alpha(plan):
        return int(np.count_nonzero(pixels[-1]))
    found = np.zeros(pixels.shape[1:], np.bool_)
    for band in pixels:
        here = has_value(band, plan.encoding.nodata)
        if here is None:
            return found.size
        found |= here
    return int(np.count_nonzero(found))
