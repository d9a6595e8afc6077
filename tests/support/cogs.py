"""COGs by GDAL's own driver, for tests of what checks and describes them."""

import warnings
from pathlib import Path
from typing import Any

from rasterio.errors import NotGeoreferencedWarning
from rasterio.shutil import copy

from schema.contracts.rasters import RasterPlan
from services.raster.files import RasterFile
from services.raster.inspect import inspect
from services.raster.inspections import InspectResult


def make_cog(source: Path, target: Path, **options: Any) -> Path:
    """A lossless COG of the source, as its plan by ``plan_of`` would have it; ``options`` are GDAL's."""
    chosen = {
        "driver": "COG",
        "blocksize": 512,
        "compress": "DEFLATE",
        "predictor": "YES",
        "interleave": "PIXEL",
        "resampling": "nearest",
        "overviews": "IGNORE_EXISTING",
        **options,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        copy(str(source), str(target), **chosen)
    return target


def inspected(cog: Path, source: Path, plan: RasterPlan) -> InspectResult:
    """What the operation says of the COG; its pictures lie beside it."""
    original = RasterFile(str(source), plan.description.driver)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return inspect(RasterFile(str(cog)), original, plan, cog.parent, lambda _: None)
