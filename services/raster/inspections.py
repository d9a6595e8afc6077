"""What the operation ``inspect`` takes and answers, apart from GDAL, for those who ask it."""

from schema.contracts.process_raster import BandStatistics, PixelComparison, Place
from schema.contracts.rasters import RasterPlan
from schema.results import Contract

INVALID = "RASTER_OUTPUT_INVALID"
"""The code of every check that fails."""


class InspectRequest(Contract):
    """Of the sources ``cog`` and ``source``."""

    plan: RasterPlan


class InspectResult(Contract):
    """``overview`` and ``thumbnail`` are files in the folder; ``checks`` are those that were passed."""

    bands: tuple[BandStatistics, ...]
    comparison: PixelComparison | None
    place: Place
    overview: str
    thumbnail: str
    checks: tuple[str, ...]
    software: dict[str, str]
