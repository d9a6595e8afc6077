"""Reads a raster's header with the one driver that its first bytes name, and nothing else of it."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import math
from typing import Any, Literal

import rasterio
from rasterio.errors import RasterioError

from schema.contracts.list_container import RasterHeader, RasterInfo, RasterProblem
from schema.errors import GeojobsError
from services.containers.cog import is_cog, is_truncated
from services.containers.ranges import HeaderLimitError, RangeFile, RangeSource
from services.raster.drivers import OPTIONS
from services.raster.reference_systems import text_of

_NAME = "raster"


def read_header(source: RangeSource, driver: str) -> RasterInfo:
    """What the header says, or why it cannot be read.

    Raises the ``GeojobsError`` that reading the source met: that is no fault of the raster.
    """
    try:
        header, truncated = _opened(source, driver)
    except (RasterioError, ValueError, KeyError, OverflowError) as exc:
        if isinstance(source.failure, GeojobsError):
            raise source.failure from exc
        return _limit_met(source) or unreadable(
            "RASTER_UNREADABLE", f"GDAL's {driver} driver cannot make sense of the header"
        )
    if isinstance(source.failure, GeojobsError):
        raise source.failure
    if truncated:
        return unreadable("RASTER_TRUNCATED", "the header places pixels beyond the end of the file")
    return _limit_met(source) or RasterInfo(readable=True, header=header)


def _limit_met(source: RangeSource) -> RasterInfo | None:
    failure = source.failure
    return unreadable(failure.code, str(failure)) if isinstance(failure, HeaderLimitError) else None


def unreadable(code: str, message: str) -> RasterInfo:
    return RasterInfo(readable=False, problem=RasterProblem(code=code, message=message))


def _opened(source: RangeSource, driver: str) -> tuple[RasterHeader, bool]:
    def opener(path: str, mode: str = "rb") -> RangeFile:  # noqa: ARG001 -- rasterio passes it by this name
        if path != _NAME:
            raise FileNotFoundError(path)
        return RangeFile(source)

    with (
        rasterio.Env(**OPTIONS),
        rasterio.open(_NAME, driver=driver, sharing=False, opener=opener) as dataset,
    ):
        return _header(dataset), is_truncated(dataset, source.size)


def _header(dataset: Any) -> RasterHeader:
    crs = dataset.crs or dataset.gcps[1]
    return RasterHeader(
        driver=dataset.driver,
        width=dataset.width,
        height=dataset.height,
        bands=dataset.count,
        dtypes=tuple(dict.fromkeys(dataset.dtypes)),
        crs=text_of(crs) if crs else None,
        bounds=_bounds(dataset),
        nodata=_number(dataset.nodata),
        is_cog=is_cog(dataset),
    )


def _bounds(dataset: Any) -> tuple[float, float, float, float] | None:
    if dataset.transform.is_identity:
        return None
    a, b, c, d, e, f = (float(term) for term in dataset.transform[:6])
    corners = [(column, row) for column in (0, dataset.width) for row in (0, dataset.height)]
    xs = [a * column + b * row + c for column, row in corners]
    ys = [d * column + e * row + f for column, row in corners]
    bounds = (min(xs), min(ys), max(xs), max(ys))
    return bounds if all(math.isfinite(edge) for edge in bounds) else None


def _number(value: float | None) -> float | Literal["nan", "inf", "-inf"] | None:
    if value is None:
        return None
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(value)
