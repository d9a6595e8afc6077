"""The grid that a raster's output is made on, worked out from its header and the options."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import math

from affine import Affine
from rasterio.crs import CRS

from schema.contracts.rasters import BLOCK, Box, Grid, OutputProfile, RasterOptions, Terms
from schema.errors import PermanentTaskError
from services.raster.georeference import PlacedBy, Placement, bounds_of, bounds_of_placement, in_crs, pole_of
from services.raster.reference_systems import (
    WEB_MERCATOR,
    WGS84,
    demand_usable,
    is_same,
    parsed,
    text_of,
    transformed,
)

_WEB_RADIUS = 6_378_137.0
WEB_EDGE = math.pi * _WEB_RADIUS
"""Half the width of the Web Mercator square, in metres."""

_WEB_LATITUDE = math.degrees(2 * math.atan(math.exp(math.pi)) - math.pi / 2)
_DEEPEST_ZOOM = 30
_TOLERANCE = 1e-6
_TURN = 360.0
_MOST_PIXELS = 2**31 - 1


def source_grid(placement: Placement) -> Grid:
    """The grid of the source, with a CRS only where its transform places it."""
    placed = placement.by is PlacedBy.TRANSFORM
    return Grid(
        crs=text_of(placement.crs) if placed and placement.crs is not None else None,
        transform=_terms(placement.transform),
        width=placement.width,
        height=placement.height,
    )


def output_grid(placement: Placement, options: RasterOptions) -> Grid | None:
    """The grid to resample to, or ``None`` where the pixels stay where they are.

    They stay unless another CRS, a resolution or the profile ``web`` is asked for. The resolution, where
    none is given, keeps the number of pixels along the diagonal; the origin lies on a multiple of it. ``web``
    takes the next zoom level that is no coarser, and the origin on a corner of its tiles of ``BLOCK`` pixels.
    A raster across the antimeridian goes on beyond 180 degrees. Raises ``PermanentTaskError``.
    """
    target = _target(placement, options)
    if target is None:
        return None
    box, natural = _reach(placement, target)
    web = options.profile is OutputProfile.WEB
    size = options.resolution or natural
    if web:
        size = _zoom_size(size)
    unit, origin = (size * BLOCK, (-WEB_EDGE, WEB_EDGE)) if web else (size, (0.0, 0.0))
    return _snapped(target, box, size, unit, origin)


def shrinking(placement: Placement, grid: Grid) -> float:
    """How many pixels of the source lie along one of an output grid, however far that reaches beyond it."""
    if grid.crs is None:
        return 1.0
    _, natural = _reach(placement, parsed(grid.crs))
    return grid.transform[0] / natural


def bounds_of_grid(grid: Grid) -> Box | None:
    """Its bounds in EPSG:4326, west greater than east across the antimeridian; ``None`` without a CRS."""
    if grid.crs is None:
        return None
    return bounds_of(parsed(grid.crs), Affine(*grid.transform), grid.width, grid.height)


def _target(placement: Placement, options: RasterOptions) -> CRS | None:
    web = options.profile is OutputProfile.WEB
    asked = WEB_MERCATOR if web else options.target_crs
    if asked is None and options.resolution is None:
        return None
    if placement.crs is None:
        raise PermanentTaskError(
            "the ground control points have no CRS: give source_crs", "RASTER_CRS_MISSING"
        )
    target = placement.crs if asked is None else parsed(asked)
    demand_usable(target)
    stays = placement.by is PlacedBy.TRANSFORM and options.resolution is None and not web
    return None if stays and is_same(target, placement.crs) else target


def _reach(placement: Placement, target: CRS) -> tuple[Box, float]:
    """The raster's box in the target CRS, and the size of a pixel there that keeps their number."""
    bounds = bounds_of_placement(placement)
    box = _box_in(placement, target, bounds)
    diagonal = _diagonal(placement, target, bounds) or math.hypot(box[2] - box[0], box[3] - box[1])
    return box, diagonal / math.hypot(placement.width, placement.height)


def _box_in(placement: Placement, target: CRS, bounds: Box) -> Box:
    west, south, east, north = bounds
    if west > east:
        east += _TURN
    if is_same(target, parsed(WGS84)):
        return west, south, east, north
    if is_same(target, parsed(WEB_MERCATOR)):
        return (
            math.radians(west) * _WEB_RADIUS,
            _web_y(south),
            math.radians(east) * _WEB_RADIUS,
            _web_y(north),
        )
    points = _points_in(placement, target, crossing=bounds[0] > bounds[2])
    if not points:
        raise PermanentTaskError(
            "no point of the raster has a place in target_crs", "RASTER_OUTSIDE_TARGET_CRS"
        )
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs), min(ys), max(xs), max(ys)


def _points_in(placement: Placement, target: CRS, *, crossing: bool) -> list[tuple[float, float]]:
    moved = in_crs(placement, target, placement.outline() + placement.all_over())
    if crossing and target.is_geographic:
        turn = 4 * (pole_of(target) or 0.0)
        moved = [(x + turn if x < 0 else x, y) for x, y in moved]
    return moved


def _web_y(latitude: float) -> float:
    """The northing of a latitude, held to the square."""
    held = math.radians(min(max(latitude, -_WEB_LATITUDE), _WEB_LATITUDE))
    return _WEB_RADIUS * math.log(math.tan(math.pi / 4 + held / 2))


def _diagonal(placement: Placement, target: CRS, bounds: Box) -> float | None:
    """From the first corner to the opposite one, as GDAL's suggestion has it; ``None`` where that says
    nothing: a corner without a place, or a raster that is cut by the antimeridian or holds a pole."""
    corners = placement.located([(0.0, 0.0), (float(placement.width), float(placement.height))])
    ends = transformed(placement.crs, target, corners)
    if len(ends) < len(corners) or bounds[0] > bounds[2] or bounds[2] - bounds[0] >= _TURN:
        return None
    return math.hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]) or None


def _zoom_size(size: float) -> float:
    """The size of a pixel at the coarsest zoom level that is at least as fine, in metres."""
    whole = 2 * WEB_EDGE / BLOCK
    zoom = math.ceil(math.log2(whole / size) - _TOLERANCE)
    return whole / 2 ** min(max(zoom, 0), _DEEPEST_ZOOM)


def _snapped(target: CRS, box: Box, size: float, unit: float, origin: tuple[float, float]) -> Grid:
    left = origin[0] + math.floor((box[0] - origin[0]) / unit + _TOLERANCE) * unit
    top = origin[1] + math.ceil((box[3] - origin[1]) / unit - _TOLERANCE) * unit
    width = max(1, math.ceil((box[2] - left) / size - _TOLERANCE))
    height = max(1, math.ceil((top - box[1]) / size - _TOLERANCE))
    if max(width, height) > _MOST_PIXELS:
        raise PermanentTaskError(
            f"at this resolution the output has {width} x {height} pixels", "RASTER_TOO_LARGE"
        )
    return Grid(
        crs=text_of(target),
        transform=_terms(Affine(size, 0.0, left, 0.0, -size, top)),
        width=width,
        height=height,
    )


def _terms(transform: Affine) -> Terms:
    a, b, c, d, e, f = (float(term) for term in transform[:6])
    return a, b, c, d, e, f
