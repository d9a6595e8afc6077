"""What ``describe`` is asked and answers: no raster library is needed to speak of it."""

from datetime import datetime

from schema.contracts.rasters import Grid, RasterDescription, RasterOptions
from schema.results import Contract


class DescribeRequest(Contract):
    """``source`` is the name under which the child may read the raster, ``blob`` that of the blob."""

    source: str
    blob: str
    options: RasterOptions


class DescribeResult(Contract):
    """``grid`` is that of the output, to which pixels are resampled if ``warped``; ``shrinking`` of them lie
    along one of it. ``acquired`` is what the tags tell, ``written`` when the file says that it was made."""

    description: RasterDescription
    grid: Grid
    warped: bool
    shrinking: float = 1.0
    acquired: datetime | None
    written: datetime | None
