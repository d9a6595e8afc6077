"""Descriptions, validated rasters and plans for tests that need no file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from schema.contracts.rasters import (
    BlobVersion,
    Grid,
    MaskKind,
    RasterDescription,
    RasterOptions,
    RasterPlan,
    ValidatedRaster,
)
from services.raster.content import driver_of
from services.raster.describe import described
from services.raster.descriptions import DescribeResult
from services.raster.files import RasterFile
from services.raster.formats import HEAD_BYTES
from services.raster.planning import Destination, planned

DESTINATION = Destination("tests", "raster", "silver", "tests/raster/0123456789abcdef-r1")


def grid(width: int = 1_000, height: int = 800, size: float = 10.0, crs: str | None = "EPSG:32633") -> Grid:
    return Grid(crs=crs, transform=(size, 0, 500_000, 0, -size, 5_000_000), width=width, height=height)


def description(width: int = 1_000, height: int = 800, **facts: Any) -> RasterDescription:
    """Of a grey uint8 GeoTIFF, unless facts say otherwise."""
    count = facts.get("count", 1)
    known: dict[str, Any] = {
        "driver": "GTiff",
        "grid": grid(width, height),
        "count": count,
        "dtype": "uint8",
        "nodata": None,
        "mask": MaskKind.NONE,
        "color_interpretation": ("gray", *["undefined"] * (count - 1)),
        "has_color_table": False,
        "scales": (1.0,) * count,
        "offsets": (0.0,) * count,
        "units": (None,) * count,
        "names": (None,) * count,
        "gcps": 0,
        "has_rpcs": False,
        "area_or_point": "Area",
        "block": (256, 256),
        "compression": None,
        "overviews": 0,
        "bounds": None,
        "pixel_bytes": width * height * count,
    }
    return RasterDescription.model_validate(known | facts)


def validated(
    source: RasterDescription, output: Grid | None = None, blob: str = "raster.tif"
) -> ValidatedRaster:
    """Warped to ``output`` where one is given."""
    return ValidatedRaster(
        source=BlobVersion(container="bronze", blob=blob, etag='"1"', size=1_000),
        description=source,
        grid=output or source.grid,
        warped=output is not None,
        acquired=datetime(2024, 5, 1, tzinfo=UTC),
    )


def plan(source: RasterDescription, output: Grid | None = None, **options: Any) -> RasterPlan:
    return planned(validated(source, output), RasterOptions.model_validate(options), DESTINATION)


def describe_file(path: Path, **options: Any) -> DescribeResult:
    with path.open("rb") as file:
        driver = driver_of(file.read(HEAD_BYTES), path.name)
    return described(RasterFile(str(path), driver), RasterOptions.model_validate(options))


def plan_file(path: Path, **options: Any) -> RasterPlan:
    found = describe_file(path, **options)
    raster = validated(found.description, found.grid if found.warped else None, path.name)
    return planned(raster, RasterOptions.model_validate(options), DESTINATION)
