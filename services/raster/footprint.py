"""Where a COG lies on the Earth: its outline in longitude and latitude, split at the antimeridian."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import re
from typing import Any

import antimeridian
import numpy as np
from rasterio.crs import CRS
from shapely.geometry import MultiPolygon, Polygon, box, mapping, shape

from schema.contracts.process_raster import Place
from schema.contracts.rasters import Box, RasterPlan
from schema.errors import PermanentTaskError
from schema.json_types import JSONObject
from services.raster.georeference import PlacedBy, along_pole, bounds_of_placement, in_crs, placement_of
from services.raster.reference_systems import WGS84, Points

_CODE = re.compile(r"[A-Za-z0-9_]+:[A-Za-z0-9_.-]+")
_DECIMALS = 7
_POLE, _HALF_TURN, _TURN = 90.0, 180.0, 360.0
_WORLD_WIDE = 359.999
_SLIVER = 1e-9
_LARGEST_DIFFERENCE = 1.0
"""Between the footprint's box and the bounds, in degrees: one may follow bent edges at more points."""


def place_of(dataset: Any, plan: RasterPlan) -> Place:
    """Where the open COG lies.

    Raises ``PermanentTaskError``: ``RASTER_BOUNDS_INVALID`` where no part of it lies on the Earth,
    ``RASTER_CRS_MISSING`` where its ground control points have no CRS and none was given.
    """
    by_points_alone = dataset.crs is None and dataset.gcps[0] and dataset.gcps[1] is None
    placement = placement_of(dataset, plan.options.source_crs if by_points_alone else None)
    if placement.crs is None:
        raise PermanentTaskError(
            "the ground control points have no CRS: give source_crs", "RASTER_CRS_MISSING"
        )
    outline = placement.outline()
    ring = in_crs(placement, CRS.from_string(WGS84), outline)
    bounds = bounds_of_placement(placement)
    # Part of it may not be on Earth (the disk that a geostationary satellite sees): the box of what is.
    found = _sound_footprint(ring, bounds) if len(ring) == len(outline) else None
    footprint, bbox = found or footprint_of(_ring_of_box(bounds))
    if placement.by is not PlacedBy.TRANSFORM:
        return Place(footprint=footprint, bbox=bbox, code=None, wkt2=None, grid_bbox=None)
    xs, ys = zip(*outline, strict=True)
    return Place(
        footprint=footprint,
        bbox=bbox,
        code=_code(plan.grid.crs),
        wkt2=placement.crs.to_wkt(version="WKT2_2019"),
        grid_bbox=(min(xs), min(ys), max(xs), max(ys)),
    )


def footprint_of(ring: Points) -> tuple[JSONObject, Box]:
    """A GeoJSON geometry and its box, both as RFC 7946 has them across the antimeridian and around a pole.

    ``ring`` is an outline ``(longitude, latitude)`` in degrees, open, whose points lie so close together that
    no edge is half a turn long, unless it is that of a map of the whole Earth.
    """
    ring = along_pole(ring)
    # Rounded, an edge along the antimeridian does not step across it.
    longitudes = np.round([x for x, _ in ring], _DECIMALS)
    latitudes = np.clip([y for _, y in ring], -_POLE, _POLE)
    if float(np.ptp(longitudes)) >= _WORLD_WIDE and _goes_back(longitudes):
        return _found(box(-_HALF_TURN, latitudes.min(), _HALF_TURN, latitudes.max()))
    polygon = Polygon(np.column_stack([longitudes, latitudes]))
    around_a_pole = abs(_turned(longitudes)) > _HALF_TURN
    north = around_a_pole and float(latitudes.mean()) > 0
    return _found(
        _without_slivers(
            antimeridian.fix_polygon(
                polygon,
                force_north_pole=north,
                force_south_pole=around_a_pole and not north,
                fix_winding=not around_a_pole,
                great_circle=False,
            )
        )
    )


def _without_slivers(geometry: Any) -> Any:
    """An edge along the antimeridian leaves a part without area on its other side."""
    parts = getattr(geometry, "geoms", (geometry,))
    wide = [part for part in parts if part.area >= _SLIVER * geometry.area]
    if len(wide) == len(parts):
        return geometry
    return wide[0] if len(wide) == 1 else MultiPolygon(wide)


def _sound_footprint(ring: Points, bounds: Box) -> tuple[JSONObject, Box] | None:
    """``None`` where what comes out is no valid geometry, or lies elsewhere than the bounds say."""
    try:
        footprint, bbox = footprint_of(ring)
        valid = shape(footprint).is_valid
    except ValueError:
        return None
    return (footprint, bbox) if valid and _is_about(bbox, bounds) else None


def _is_about(one: Box, other: Box) -> bool:
    (west, south, east, north), (its_west, its_south, its_east, its_north) = one, other
    farther = [south - its_south, north - its_north]
    if east - west < _TURN:
        # Around a pole the ring's turn is surer than bounds that may have missed a pole close to a corner.
        farther += [_around(west - its_west), _around(east - its_east)]
    return max(map(abs, farther)) <= _LARGEST_DIFFERENCE


def _around(degrees: Any) -> Any:
    """The same turn, between half a one to the west and half a one to the east."""
    return (degrees + _HALF_TURN) % _TURN - _HALF_TURN


def _turned(longitudes: Any) -> float:
    """How far a walk along the ring turns around the Earth's axis, in degrees."""
    steps: Any = np.diff(np.append(longitudes, longitudes[0]))
    return float(_around(steps).sum())


def _goes_back(longitudes: Any) -> bool:
    """Whether the ring runs along a map of the Earth and back, with no step across its edge."""
    return float(np.abs(np.diff(longitudes)).max()) < _HALF_TURN


def _code(crs: str | None) -> str | None:
    return crs if crs and _CODE.fullmatch(crs) else None


def _ring_of_box(bounds: Box) -> Points:
    west, south, east, north = bounds
    east += _TURN if east < west else 0.0
    steps = [step / 8 for step in range(9)]
    along = [(west + (east - west) * step) for step in steps]
    return [*((x, south) for x in along), *((x, north) for x in reversed(along))]


def _found(geometry: Any) -> tuple[JSONObject, Box]:
    found = mapping(geometry)
    west, south, east, north = (round(float(value), _DECIMALS) for value in antimeridian.bbox(geometry))
    return (
        {"type": found["type"], "coordinates": _rounded(found["coordinates"])},
        (west, south, east, north),
    )


def _rounded(coordinates: Any) -> Any:
    """Coordinates, or lists of them to any depth, without points that rounding makes one."""
    if isinstance(coordinates[0], float | int):
        return [round(float(each), _DECIMALS) for each in coordinates]
    parts = [_rounded(each) for each in coordinates]
    return [part for part, before in zip(parts, [None, *parts], strict=False) if part != before]
