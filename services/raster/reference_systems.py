"""Coordinate reference systems: what is usable here, and points from one to another."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import math
from typing import Any

from rasterio._err import CPLE_BaseError  # pyright: ignore[reportPrivateImportUsage] -- raised, yet private
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform

from schema.errors import PermanentTaskError

WGS84 = "EPSG:4326"
WEB_MERCATOR = "EPSG:3857"

_EARTH_RADIUS = (6_300_000.0, 6_400_000.0)
_SURE = 100
"""Only a code that PROJ is sure of may stand for a CRS; it also finds codes that merely look like it."""

Points = list[tuple[float, float]]


def parsed(text: str) -> CRS:
    """The CRS that a user names. Raises ``PermanentTaskError``."""
    try:
        return CRS.from_user_input(text)
    except CRSError as exc:
        raise PermanentTaskError(f"PROJ does not know the CRS {text[:80]!r}", "RASTER_CRS_UNKNOWN") from exc


def text_of(crs: CRS) -> str:
    """A CRS as text that gives the same CRS again: an authority's code, else WKT 2."""
    code = crs.to_authority(confidence_threshold=_SURE)
    if code is not None:
        return ":".join(code)
    return crs.to_wkt(version="WKT2_2019")


def is_same(one: CRS, other: CRS) -> bool:
    """Whether both place a pixel alike. rasterio's ``==`` also holds two that only look alike to be one."""
    return text_of(one) == text_of(other) or (
        one.to_authority(confidence_threshold=_SURE) is None
        and other.to_authority(confidence_threshold=_SURE) is None
        and one == other
    )


def demand_usable(crs: CRS) -> None:
    """Raises ``PermanentTaskError``: ``RASTER_CRS_UNKNOWN`` where the CRS has no tie to longitude and
    latitude, ``RASTER_CRS_NOT_EARTH`` where its ellipsoid is another body's."""
    try:
        definition = crs.to_dict(projjson=True)
    except CRSError as exc:
        raise PermanentTaskError("PROJ cannot make sense of the CRS", "RASTER_CRS_UNKNOWN") from exc
    ellipsoid = _ellipsoid(definition)
    if ellipsoid is None or not (crs.is_geographic or crs.is_projected):
        raise PermanentTaskError(
            f"the CRS {str(definition.get('name'))[:80]!r} does not say where on Earth its coordinates are",
            "RASTER_CRS_UNKNOWN",
        )
    radius = _length(ellipsoid.get("semi_major_axis", ellipsoid.get("radius")))
    if not _EARTH_RADIUS[0] <= radius <= _EARTH_RADIUS[1]:
        raise PermanentTaskError(
            f"the CRS is on an ellipsoid with a radius of {radius / 1000:,.0f} km, which is not Earth's",
            "RASTER_CRS_NOT_EARTH",
        )


def transformed(source: CRS, target: CRS, points: Points) -> Points:
    """The points in the target CRS, those left out that have no place there or whose way does not exist."""
    moved = _moved(source, target, points)
    if moved is None:
        # One point outside of the domain fails the whole call.
        each = (_moved(source, target, [point]) for point in points)
        moved = [found[0] for found in each if found]
    return [point for point in moved if math.isfinite(point[0]) and math.isfinite(point[1])]


def degrees_per_unit(crs: CRS) -> float:
    """How many degrees one unit of a geographic CRS is."""
    return math.degrees(crs.units_factor[1])


def _moved(source: CRS, target: CRS, points: Points) -> Points | None:
    try:
        moved: Any = transform(source, target, [x for x, _ in points], [y for _, y in points])
    except (CPLE_BaseError, RasterioError):
        return None
    return list(zip(moved[0], moved[1], strict=True))


def _ellipsoid(node: Any) -> dict[str, Any] | None:
    """The ellipsoid in PROJJSON, that of the CRS itself where it is bound to another."""
    if not isinstance(node, dict):
        return None
    if "ellipsoid" in node:
        return node["ellipsoid"]
    parts = [node.get(key) for key in ("datum", "datum_ensemble", "base_crs", "source_crs")]
    parts += node.get("components") or []
    return next((found for part in parts if (found := _ellipsoid(part))), None)


def _length(value: Any) -> float:
    """In metres; PROJJSON writes those in other units as an object."""
    if isinstance(value, dict):
        unit = value.get("unit")
        factor = unit.get("conversion_factor", 1.0) if isinstance(unit, dict) else 1.0
        return float(value["value"]) * float(factor)
    return float(value or 0.0)
