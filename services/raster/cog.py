"""The operation ``cog``: a whole COG in one pass, by GDAL's own driver."""

# rasterio comes without types, and how its Window is called is only known at run time.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportCallIssue=false

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.shutil import copy
from rasterio.windows import Window

from schema.contracts.rasters import BLOCK, Encoding, Grid, RasterPlan
from schema.errors import PermanentTaskError
from services.raster.files import Box, RasterFile
from services.raster.masks import count_valid
from services.raster.metadata_copy import copy_metadata, refuse_sidecar
from services.raster.overviews import add_overviews, drop_overviews, plain_options
from services.raster.products import CogRequest, CogResult
from services.raster.reading import read_window
from services.raster.source_pixels import opened

_OPTIONS = {"GDAL_TIFF_INTERNAL_MASK": True, "GDAL_PAM_ENABLED": True}
_COG = "cog.tif"
_PREPARED = "prepared.tif"
_LEVEL = 6
_WINDOW_BYTES = 64_000_000
_COLORS = 3
_PREDICTORS = {1: "NO", 2: "STANDARD", 3: "FLOATING_POINT"}
_OF_PIXELS, _WITH_OVERVIEWS = 0.5, 0.7


def run(request: CogRequest, box: Box) -> CogResult:
    """Raises ``PermanentTaskError``: ``RASTER_ALL_NODATA``, ``RASTER_UNREADABLE``,
    ``RASTER_METADATA_UNREPRESENTABLE``."""
    source = box.source(request.source, request.plan.description.driver)
    valid_pixels = make_cog(source, request.plan, box.folder / _COG, box.progress)
    return CogResult(file=_COG, valid_pixels=valid_pixels)


def make_cog(
    source: RasterFile, plan: RasterPlan, target: Path, progress: Callable[[float], None] = lambda _: None
) -> int:
    """Write the COG of the plan and tell how many of its pixels are valid.

    All its pixels lie once, uncompressed, beside the target meanwhile: GDAL's driver reads a raster several
    times, and only of a file of its own the pixels come for nothing.
    """
    prepared = target.with_name(_PREPARED)
    with warnings.catch_warnings(), rasterio.Env(**_OPTIONS):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        valid_pixels = _prepare(source, plan, prepared, lambda done: progress(_OF_PIXELS * done))
        refuse_sidecar(prepared)
        if not valid_pixels:
            raise PermanentTaskError("no pixel of the raster is valid", "RASTER_ALL_NODATA")
        add_overviews(prepared, plan)
        progress(_WITH_OVERVIEWS)
        copy(str(prepared), str(target), **_options(plan))
        refuse_sidecar(target)
    drop_overviews(prepared)
    prepared.unlink()
    progress(1.0)
    return valid_pixels


def _prepare(source: RasterFile, plan: RasterPlan, target: Path, progress: Callable[[float], None]) -> int:
    """Write all pixels, the mask and the metadata of the output; returns how many pixels are valid."""
    encoding, grid = plan.encoding, plan.grid
    options = plain_options(encoding)
    valid_pixels = 0
    with (
        opened(source) as dataset,
        rasterio.open(target, "w", "GTiff", width=grid.width, height=grid.height, **options) as made,
    ):
        copy_metadata(dataset, made, plan)
        windows = list(_windows(grid, encoding))
        for number, window in enumerate(windows):
            pixels, valid = read_window(dataset, plan, window)
            made.write(pixels, window=window)
            if valid is not None:
                made.write_mask(valid, window=window)
            valid_pixels += count_valid(pixels, valid, plan)
            progress((number + 1) / len(windows))
    return valid_pixels


def _windows(grid: Grid, encoding: Encoding) -> Iterator[Window]:
    """Whole tiles, as many side by side and then below each other as may be in memory."""
    tile = BLOCK * BLOCK * encoding.count * 8
    across = -(-grid.width // BLOCK)
    columns = min(across, max(1, _WINDOW_BYTES // tile))
    rows = max(1, _WINDOW_BYTES // (tile * columns))
    width, height = columns * BLOCK, rows * BLOCK
    for top in range(0, grid.height, height):
        for left in range(0, grid.width, width):
            yield Window(left, top, min(width, grid.width - left), min(height, grid.height - top))


def _options(plan: RasterPlan) -> dict[str, Any]:
    """What GDAL's COG driver is told; it interleaves by pixel in any case."""
    encoding = plan.encoding
    options: dict[str, Any] = {
        "driver": "COG",
        "BLOCKSIZE": BLOCK,
        "COMPRESS": encoding.compression,
        "OVERVIEWS": "AUTO" if plan.overviews else "NONE",
        "BIGTIFF": "IF_SAFER",
    }
    if encoding.compression == "JPEG":
        return options | {"QUALITY": encoding.quality}
    return options | {"LEVEL": _LEVEL, "PREDICTOR": _PREDICTORS[encoding.predictor]}
