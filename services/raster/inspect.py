"""The operation ``inspect``: a COG held to its plan and its source, every block read once, and described."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from schema.contracts.process_raster import BandStatistics, PixelComparison
from schema.contracts.rasters import RasterPlan
from services.raster.checking import check_header, check_levels, invalid, whole_jpeg
from services.raster.comparing import Comparison
from services.raster.files import Box, RasterFile
from services.raster.footprint import place_of
from services.raster.inspections import InspectRequest, InspectResult
from services.raster.pictures import write_pictures
from services.raster.shortages import shortage_of
from services.raster.source_pixels import source_nodata
from services.raster.statistics import BandTally
from services.raster.windows import valid_pixels, windows_of

_PIXELS_SHARE, _LEVELS_SHARE = 0.8, 0.95
_CHECKS_OF_PIXELS = ("blocks", "pixels")


def run(request: InspectRequest, box: Box) -> InspectResult:
    plan = request.plan
    source = box.source("source", plan.description.driver)
    return inspect(box.source("cog"), source, plan, box.folder, box.progress)


def inspect(
    cog: RasterFile, source: RasterFile, plan: RasterPlan, folder: Path, progress: Callable[[float], None]
) -> InspectResult:
    """Check the COG, gather its statistics and draw its pictures into the folder.

    Raises ``PermanentTaskError`` (``RASTER_OUTPUT_INVALID``), which names the check that failed.
    """
    with cog.open() as made, source.open() as original:
        checks = check_header(made, original, plan)
        bands, comparison = _read_pixels(
            made, None if plan.warped else original, plan, lambda done: progress(done * _PIXELS_SHARE)
        )
        check_levels(cog, plan, lambda done: progress(_PIXELS_SHARE + done * (_LEVELS_SHARE - _PIXELS_SHARE)))
        place = place_of(made, plan)
        overview, thumbnail = write_pictures(made, folder, categorical=plan.categorical)
    return InspectResult(
        bands=bands,
        comparison=comparison,
        place=place,
        overview=overview.name,
        thumbnail=thumbnail.name,
        checks=(*checks, *(_CHECKS_OF_PIXELS if comparison else _CHECKS_OF_PIXELS[:1])),
        software={"GDAL": rasterio.__gdal_version__, "rasterio": str(rasterio.__version__)},
    )


def _read_pixels(
    made: Any, original: Any | None, plan: RasterPlan, progress: Callable[[float], None]
) -> tuple[tuple[BandStatistics, ...], PixelComparison | None]:
    tallies = [BandTally() for _ in range(made.count)]
    comparison = Comparison()
    with whole_jpeg():
        for window in windows_of(made):
            pixels, valid = _read(made, window)
            for tally, values, known in zip(tallies, pixels, valid, strict=True):
                tally.add(values, known)
            if original is not None:
                _compare(comparison, (pixels, valid), original, window, plan)
            progress(min(1.0, (window.row_off + window.height) / made.height))
    if fault := comparison.fault(plan.encoding):
        raise invalid("pixels", *fault)
    found = tuple(tally.result() for tally in tallies)
    return found, None if original is None else comparison.result()


def _read(made: Any, window: Any) -> tuple[Any, Any]:
    try:
        pixels = made.read(window=window)
        return pixels, valid_pixels(made, window, pixels, made.nodatavals)
    except RasterioError as exc:
        if shortage_of(exc):
            raise
        raise invalid("blocks", "every block of full resolution", "one that cannot be read") from exc


def _compare(comparison: Comparison, made: Any, original: Any, window: Any, plan: RasterPlan) -> None:
    """What is nodata in the source is what the plan takes for it, whatever the header says."""
    pixels, valid = made
    count, told = plan.encoding.count, source_nodata(plan)
    source = original.read(window=window)
    nodata = None if told is None else float(told)
    source_valid = valid_pixels(original, window, source, [nodata] * len(source))
    comparison.add(pixels, valid, source[:count], source_valid[:count])
