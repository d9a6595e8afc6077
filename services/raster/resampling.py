"""What kind of data pixels are, and how they are resampled."""

import re
from collections.abc import Iterable
from typing import Literal

from schema.contracts.rasters import RasterDescription, RasterOptions, ResamplingMethod
from schema.errors import PermanentTaskError
from services.raster.numbers import is_float

SHRINKING = 1.5
"""From this ratio of pixel sizes on, an output pixel is the average of those below it."""

_WORDS = frozenset(
    {"qa", "bqa", "scl", "class", "classes", "classification", "category", "categories", "label", "labels"}
    | {"mask", "cloudmask", "fmask", "flags", "landcover", "worldcover", "landuse", "lulc", "nlcd", "corine"}
)
"""Words in the name of a blob or of a band that stand for classes or bits."""

_RGB = ("red", "green", "blue")

_PICKING = (ResamplingMethod.NEAREST, ResamplingMethod.MODE)
"""Methods whose every value is one of the source's."""


def is_categorical(description: RasterDescription, options: RasterOptions, blob: str) -> bool:
    """Whether pixels are classes or bits, which nobody may average: as the user says, else for a colour
    table, for pixels of one bit, and for integers whose blob or band is named so."""
    if options.categorical is not None:
        return options.categorical
    if description.has_color_table or description.bits == 1:
        return True
    if is_float(description.dtype):
        return False
    return _speaks_of_classes([blob.rpartition("/")[2], *(name for name in description.names if name)])


def resampling_of(
    description: RasterDescription, options: RasterOptions, shrinking: float, *, categorical: bool
) -> ResamplingMethod:
    """The user's choice, else nearest for classes, average where pixels grow by more than ``SHRINKING``,
    cubic for RGB pictures, bilinear for all else."""
    if options.resampling is not ResamplingMethod.AUTO:
        return options.resampling
    if categorical:
        return ResamplingMethod.NEAREST
    if shrinking > SHRINKING:
        return ResamplingMethod.AVERAGE
    is_picture = description.dtype == "uint8" and description.color_interpretation[:3] == _RGB
    return ResamplingMethod.CUBIC if is_picture else ResamplingMethod.BILINEAR


def demand_colors_kept(description: RasterDescription, resampling: ResamplingMethod) -> None:
    """What lies between two entries of a colour table is any colour, so a warp may only pick. Raises
    ``PermanentTaskError`` (``RASTER_PALETTE_NOT_RESAMPLED``)."""
    if description.has_color_table and resampling not in _PICKING:
        raise PermanentTaskError(
            f"pixels with a colour table cannot be resampled by {resampling}: ask for nearest or mode",
            "RASTER_PALETTE_NOT_RESAMPLED",
        )


def overview_resampling_of(*, categorical: bool) -> Literal["average", "nearest"]:
    return "nearest" if categorical else "average"


def _speaks_of_classes(names: Iterable[str]) -> bool:
    return any(word in _WORDS for name in names for word in re.split(r"[^a-z]+", name.lower()))
