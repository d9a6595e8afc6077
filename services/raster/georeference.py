"""Where a raster lies: how its file says so, and the box around it in longitude and latitude."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

from affine import Affine
from rasterio.crs import CRS
from rasterio.transform import GCPTransformer, RPCTransformer

from schema.contracts.rasters import Box
from schema.errors import PermanentTaskError
from services.raster.reference_systems import (
    WGS84,
    Points,
    degrees_per_unit,
    demand_usable,
    is_same,
    parsed,
    transformed,
)

DENSITY = 21
"""Points along each edge."""

_FINE_DENSITY = 2_001
_INNER_DENSITY = 61
_LARGEST_STEP = 90.0
_SMALLEST_GAP = 12.0
_POLE, _HALF_TURN, _TURN = 90.0, 180.0, 360.0
_FARTHEST = 540.0
_POLAR_STEP = 45.0
_TOLERANCE = 1e-6


class PlacedBy(StrEnum):
    TRANSFORM = "transform"
    GCPS = "gcps"
    RPCS = "rpcs"


@dataclass(frozen=True)
class Placement:
    """How a raster says where it is. ``crs`` is that of what places it; only ground control points may be
    without. ``points`` are they or the RPCs, as rasterio's functions take them by name."""

    by: PlacedBy
    crs: CRS | None
    transform: Affine
    width: int
    height: int
    points: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def located(self, pixels: Points) -> Points:
        """Where pixels' upper left corners, ``(column, row)``, lie in ``crs``."""
        if self.by is PlacedBy.TRANSFORM:
            return [self.transform @ pixel for pixel in pixels]
        kind = GCPTransformer if self.by is PlacedBy.GCPS else RPCTransformer
        with kind(**self.points) as transformer:
            xs, ys = transformer.xy([row for _, row in pixels], [column for column, _ in pixels], offset="ul")
        return list(zip(xs, ys, strict=True))

    def outline(self, density: int = DENSITY) -> Points:
        return self.located(ring_of(Affine.identity(), self.width, self.height, density))

    def all_over(self) -> Points:
        return self.located(cloud_of(Affine.identity(), self.width, self.height))


def placement_of(dataset: Any, source_crs: str | None) -> Placement:
    """Raises ``PermanentTaskError``: ``RASTER_NOT_GEOREFERENCED``, ``RASTER_CRS_MISSING``,
    ``RASTER_CRS_CONFLICT`` where the raster has another CRS than the one given, ``RASTER_CRS_UNKNOWN``,
    ``RASTER_CRS_NOT_EARTH``, ``RASTER_BOUNDS_INVALID``."""
    by = _placed_by(dataset)
    own = {PlacedBy.TRANSFORM: dataset.crs, PlacedBy.GCPS: dataset.gcps[1]}.get(by, CRS.from_string(WGS84))
    crs = _agreed(own, None if by is PlacedBy.RPCS else source_crs)
    if crs is None and by is PlacedBy.TRANSFORM:
        raise PermanentTaskError("the raster has no CRS: give source_crs", "RASTER_CRS_MISSING")
    if crs is not None:
        demand_usable(crs)
    transform: Affine = dataset.transform
    if not all(math.isfinite(term) for term in transform[:6]) or transform.determinant == 0:
        raise _invalid("the raster's transform has no extent")
    return Placement(by, crs, transform, dataset.width, dataset.height, points_of(dataset, by))


def points_of(dataset: Any, by: PlacedBy) -> dict[str, Any]:
    """What rasterio's functions need to warp by ground control points or RPCs, as arguments by name.

    Without an elevation model RPCs are taken at their own mean height, not at 0.
    """
    if by is PlacedBy.GCPS:
        return {"gcps": dataset.gcps[0]}
    if by is PlacedBy.RPCS:
        return {"rpcs": dataset.rpcs, "RPC_HEIGHT": dataset.rpcs.height_off}
    return {}


def _placed_by(dataset: Any) -> PlacedBy:
    if not dataset.transform.is_identity:
        return PlacedBy.TRANSFORM
    if dataset.gcps[0]:
        return PlacedBy.GCPS
    if dataset.rpcs is not None:
        return PlacedBy.RPCS
    raise PermanentTaskError(
        "the raster has neither a transform nor ground control points nor RPCs: nothing says where it is",
        "RASTER_NOT_GEOREFERENCED",
    )


def _agreed(own: CRS | None, given: str | None) -> CRS | None:
    if given is None:
        return own or None
    wanted = parsed(given)
    if own and not is_same(own, wanted):
        raise PermanentTaskError(
            "source_crs is not the CRS that the raster itself has; leave it out", "RASTER_CRS_CONFLICT"
        )
    return own or wanted


def bounds_of(crs: CRS, transform: Affine, width: int, height: int) -> Box:
    """As ``bounds_of_placement``, of a grid."""
    return bounds_of_placement(Placement(PlacedBy.TRANSFORM, crs, transform, width, height))


def bounds_of_placement(placement: Placement) -> Box:
    """``west, south, east, north`` in EPSG:4326; west is greater than east across the antimeridian.

    Each edge is followed at ``DENSITY`` points. Raises ``PermanentTaskError`` (``RASTER_BOUNDS_INVALID``)
    where that is nowhere on Earth; half a pixel beyond a pole is taken for the pole.
    """
    _demand_sane_degrees(placement)
    earth = CRS.from_string(WGS84)
    for density in (DENSITY, _FINE_DENSITY):
        outline = placement.outline(density)
        ring = in_crs(placement, earth, outline)
        if len(ring) < len(outline):
            break
        ring = along_pole(ring)
        turned = _unwrapped([x for x, _ in ring])
        if turned is not None:
            return _box_of_ring(turned, [y for _, y in ring])
    return _box_of_cloud(in_crs(placement, earth, placement.all_over()))


def ring_of(transform: Affine, width: int, height: int, density: int = DENSITY) -> Points:
    """The raster's outline, clockwise from its first corner, without that corner again at the end."""
    steps = [step / (density - 1) for step in range(density - 1)]
    pixels = (
        [(step * width, 0.0) for step in steps]
        + [(float(width), step * height) for step in steps]
        + [((1 - step) * width, float(height)) for step in steps]
        + [(0.0, (1 - step) * height) for step in steps]
    )
    return [transform @ pixel for pixel in pixels]


def cloud_of(transform: Affine, width: int, height: int, density: int = _INNER_DENSITY) -> Points:
    """Points all over the raster, its edges included."""
    steps = [step / (density - 1) for step in range(density)]
    return [transform @ (column * width, row * height) for row in steps for column in steps]


def transformed_points(source: CRS, target: CRS, points: Points, limit: float | None) -> Points:
    """``limit``: the latitude of the poles in units of a geographic source, to which points are held."""
    if limit is not None:
        points = [(x, min(max(y, -limit), limit)) for x, y in points]
    return transformed(source, target, points)


def in_crs(placement: Placement, target: CRS, points: Points) -> Points:
    """The raster's points in another CRS, latitudes held to the poles; without those that have no place."""
    return transformed_points(placement.crs, target, points, pole_of(placement.crs))


def pole_of(crs: CRS) -> float | None:
    """The latitude of the north pole in units of a geographic CRS."""
    return _POLE / degrees_per_unit(crs) if crs.is_geographic else None


def _demand_sane_degrees(placement: Placement) -> None:
    pole = pole_of(placement.crs)
    if placement.by is not PlacedBy.TRANSFORM or pole is None:
        return
    scale, transform = _POLE / pole, placement.transform
    corners = placement.outline(density=2)
    xs, ys = [x * scale for x, _ in corners], [y * scale for _, y in corners]
    across = (abs(transform.a) + abs(transform.b)) * scale
    down = (abs(transform.d) + abs(transform.e)) * scale
    if max(map(abs, ys)) > _POLE + down:
        raise _invalid(f"the raster reaches from latitude {min(ys):.6g} to {max(ys):.6g}")
    if max(map(abs, xs)) > _FARTHEST or max(xs) - min(xs) > _TURN + 2 * across:
        raise _invalid(f"the raster reaches from longitude {min(xs):.6g} to {max(xs):.6g}")


def along_pole(ring: Points) -> Points:
    """The outline ``(longitude, latitude)`` with the pole that it goes through drawn out to the line that a
    pole is on a map, from the longitude before it to the one after.

    A pole that is a corner or on an edge has any longitude: PROJ gives one that may be far from the raster.
    """
    ring = _with_pole_between(ring)
    poles = [at for at, (_, latitude) in enumerate(ring) if abs(latitude) >= _POLE - _TOLERANCE]
    if len(poles) != 1:
        return ring
    at = poles[0]
    rest = [*ring[at + 1 :], *ring[:at]]
    # Whichever way the rest goes around the pole, the line goes back.
    turned = sum(_step(before, after) for (before, _), (after, _) in pairwise(rest))
    parts = max(1, math.ceil(abs(turned) / _POLAR_STEP))
    pole = math.copysign(_POLE, ring[at][1])
    return [*rest, *((rest[-1][0] - turned * part / parts, pole) for part in range(parts + 1))]


def _with_pole_between(ring: Points) -> Points:
    """A step of half a turn goes straight over the pole."""
    found: Points = []
    for before, after in zip(ring, [*ring[1:], ring[0]], strict=True):
        found.append(before)
        over = _HALF_TURN - abs(_step(before[0], after[0])) < _TOLERANCE
        if over and max(abs(before[1]), abs(after[1])) < _POLE - _TOLERANCE and before[1] * after[1] > 0:
            found.append((before[0], math.copysign(_POLE, before[1])))
    return found


def _step(before: float, after: float) -> float:
    """From one longitude to another the shorter way, eastwards positive."""
    return (after - before + _HALF_TURN) % _TURN - _HALF_TURN


def _unwrapped(longitudes: list[float]) -> list[float] | None:
    """Longitudes along a closed line without jumps of a turn, the first one again at the end; ``None`` where
    points lie too far apart to tell."""
    found = [longitudes[0]]
    for before, after in pairwise([*longitudes, longitudes[0]]):
        step = _step(before, after)
        if abs(step) > _LARGEST_STEP:
            return None
        found.append(found[-1] + step)
    return found


def _box_of_ring(longitudes: list[float], latitudes: list[float]) -> Box:
    south, north = min(latitudes), max(latitudes)
    if abs(longitudes[-1] - longitudes[0]) > _HALF_TURN:
        if sum(latitudes) > 0:
            return -_HALF_TURN, south, _HALF_TURN, _POLE
        return -_HALF_TURN, -_POLE, _HALF_TURN, north
    west, east = normalized(min(longitudes), max(longitudes))
    return west, south, east, north


def _box_of_cloud(points: Points) -> Box:
    """Of points that are dense and may lack some: the widest gap in longitude is what is outside."""
    if not points:
        raise _invalid("no point of the raster lies on Earth by its CRS")
    longitudes = sorted(x for x, _ in points)
    latitudes = [y for _, y in points]
    gaps = [(after - before, after, before) for before, after in pairwise(longitudes)]
    gaps.append((longitudes[0] + _TURN - longitudes[-1], longitudes[0], longitudes[-1]))
    gap, west, east = max(gaps)
    if gap < _SMALLEST_GAP:
        west, east = -_HALF_TURN, _HALF_TURN
    return west, min(latitudes), east, max(latitudes)


def normalized(west: float, east: float) -> tuple[float, float]:
    """Longitudes from -180 to 180; what goes round the Earth is all of it."""
    west, east = round(west, 9), round(east, 9)
    if east - west >= _TURN:
        return -_HALF_TURN, _HALF_TURN
    span = east - west
    west = (west + _HALF_TURN) % _TURN - _HALF_TURN
    east = west + span
    return west, (east - _TURN if east > _HALF_TURN + 1e-7 else min(east, _HALF_TURN))


def _invalid(what: str) -> PermanentTaskError:
    return PermanentTaskError(what, "RASTER_BOUNDS_INVALID")
