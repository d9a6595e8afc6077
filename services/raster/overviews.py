"""Overviews of a raster that is made in one pass, beside it or in it, for GDAL's COG driver to take."""

# rasterio comes without types, and how its Window is called is only known at run time.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportCallIssue=false

from pathlib import Path
from typing import Any

import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window

from schema.contracts.rasters import BLOCK, Encoding, RasterPlan
from services.raster.masks import kept_alpha
from services.raster.reducing import reducer_of

_STRIPE_BYTES = 64_000_000


def plain_options(encoding: Encoding) -> dict[str, Any]:
    """What GDAL's GTiff driver is told of uncompressed pixels that GDAL's COG driver is to read."""
    options: dict[str, Any] = {"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "interleave": "pixel"}
    return options | {"bigtiff": "IF_SAFER", "count": encoding.count, "dtype": encoding.dtype}


def add_overviews(path: Path, plan: RasterPlan) -> None:
    """GDAL's COG driver would round their sizes down, and the chunks round them up."""
    if plan.overviews == 0:
        return
    if kept_alpha(plan) is not None:
        _add_with_alpha(path, plan)
        return
    with rasterio.open(path, "r+", driver="GTiff") as prepared:
        factors = [2 << level for level in range(plan.overviews)]
        prepared.build_overviews(factors, Resampling[plan.overview_resampling])


def drop_overviews(path: Path) -> None:
    """Delete those that lie beside the raster."""
    for beside in path.parent.glob(f"{path.name}*.ovr"):
        beside.unlink()


def _add_with_alpha(path: Path, plan: RasterPlan) -> None:
    """GDAL takes the mean of alpha over opaque pixels alone, and where there is nodata, too, of colours over
    transparent ones, and picks others of odd sides: so these are reduced here, as the chunks are. Each level
    lies beside the one before."""
    for _ in range(plan.overviews):
        half = path.with_name(f"{path.name}.ovr")
        _halve(path, half, plan)
        path = half


def _halve(path: Path, half: Path, plan: RasterPlan) -> None:
    reduce, options = reducer_of(plan), plain_options(plan.encoding)
    with rasterio.open(path, driver="GTiff") as whole:
        width, height = (whole.width + 1) // 2, (whole.height + 1) // 2
        stripe = max(2, _STRIPE_BYTES // (whole.width * plan.encoding.count * 8) // 2 * 2)
        with rasterio.open(half, "w", "GTiff", width=width, height=height, **options) as made:
            for top in range(0, whole.height, stripe):
                rows = min(stripe, whole.height - top)
                pixels, _ = reduce(whole.read(window=Window(0, top, whole.width, rows)), None)
                made.write(pixels, window=Window(0, top // 2, width, pixels.shape[1]))
