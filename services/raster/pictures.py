"""Pictures of a raster for people: an overview and a thumbnail as PNG, made from its own overviews."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from rasterio.enums import Resampling

from services.raster.checking import color_table
from services.raster.windows import valid_shown

OVERVIEW_SIDE = 1_024
THUMBNAIL_SIDE = 256
"""The longest side of a picture, in pixels."""

_STRETCH = (2, 98)
"""The percentiles that become black and white."""
_COLORS = ("red", "green", "blue")
_OPAQUE, _CLEAR = 255, 0

Bytes = npt.NDArray[np.uint8]


def write_pictures(dataset: Any, folder: Path, *, categorical: bool) -> tuple[Path, Path]:
    """Write ``overview.png`` and ``thumbnail.png`` of the open raster; no larger than the raster itself.

    A palette is shown in its colours, bytes that are red, green and blue as they are, all else stretched
    between percentiles 2 and 98 of each band. What is not valid is transparent.
    """
    picture = Image.fromarray(render(dataset, OVERVIEW_SIDE, categorical=categorical))
    overview, thumbnail = folder / "overview.png", folder / "thumbnail.png"
    picture.save(overview, "PNG", optimize=True)
    how = Image.Resampling.NEAREST if categorical else Image.Resampling.BOX
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), how)
    picture.save(thumbnail, "PNG", optimize=True)
    return overview, thumbnail


def render(dataset: Any, side: int, *, categorical: bool) -> Bytes:
    """The raster as red, green, blue and opacity, of shape ``(rows, columns, 4)``."""
    bands = _shown_bands(dataset)
    shrunk = max(dataset.width, dataset.height) / side
    shape = tuple(max(1, round(size / max(1.0, shrunk))) for size in (dataset.height, dataset.width))
    table = color_table(dataset)
    how = Resampling.nearest if categorical or table is not None else Resampling.average
    pixels = dataset.read(bands, out_shape=(len(bands), *shape), resampling=how)
    valid = valid_shown(dataset, bands, pixels)
    if table is not None:
        return _painted(pixels[0], valid[0], table)
    shown = pixels.astype(np.uint8) if _is_picture(dataset, bands) else _stretched(pixels, valid)
    colors = np.repeat(shown, 3, axis=0) if len(bands) == 1 else shown
    opacity = np.where(valid.any(axis=0), _OPAQUE, _CLEAR).astype(np.uint8)
    return np.moveaxis(np.concatenate([colors, opacity[np.newaxis]]), 0, -1).copy()


def _shown_bands(dataset: Any) -> list[int]:
    """Red, green and blue where bands are called so, the first three of many, else the first alone."""
    names = [each.name for each in dataset.colorinterp]
    if all(color in names for color in _COLORS):
        return [names.index(color) + 1 for color in _COLORS]
    plain = [band for band, name in enumerate(names, 1) if name not in ("alpha", "palette")]
    return plain[: len(_COLORS)] if len(plain) >= len(_COLORS) else [1]


def _is_picture(dataset: Any, bands: list[int]) -> bool:
    return len(bands) == len(_COLORS) and {dataset.dtypes[band - 1] for band in bands} == {"uint8"}


def _stretched(pixels: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> Bytes:
    shown = np.zeros(pixels.shape, dtype=np.uint8)
    for band, values in enumerate(pixels.astype(np.float64)):
        known = valid[band] & np.isfinite(values)
        if known.any():
            low, high = np.percentile(values[known], _STRETCH)
            scaled = np.clip((values[known] - low) / (high - low if high > low else 1.0), 0, 1)
            shown[band][known] = np.round(scaled * 255)
    return shown


def _painted(
    values: npt.NDArray[Any], valid: npt.NDArray[np.bool_], table: dict[int, tuple[int, int, int, int]]
) -> Bytes:
    colors = np.zeros((max(table) + 1, 4), dtype=np.uint8)
    for value, color in table.items():
        colors[value] = color
    painted = colors[np.minimum(values, len(colors) - 1)]
    painted[~valid] = _CLEAR
    return painted
