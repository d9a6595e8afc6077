"""Outlines on the Earth: split at the antimeridian, closed over a pole, whole around the Earth."""

from typing import Any

import pytest
from affine import Affine
from rasterio.crs import CRS
from shapely.geometry import Point, shape

from schema.contracts.rasters import Box
from services.raster.footprint import footprint_of
from services.raster.georeference import PlacedBy, Placement, bounds_of_placement, in_crs

EARTH = CRS.from_epsg(4326)


def _footprint(crs: str, *terms: float, size: int = 20) -> tuple[Any, Box]:
    placement = Placement(PlacedBy.TRANSFORM, CRS.from_string(crs), Affine(*terms), size, size)
    geometry, box = footprint_of(in_crs(placement, EARTH, placement.outline()))
    return shape(geometry), box


def test_an_outline_follows_curved_edges() -> None:
    geometry, box = _footprint("EPSG:32633", 10_000, 0, 400_000, 0, -10_000, 5_000_000)
    assert geometry.geom_type == "Polygon"
    assert len(geometry.exterior.coords) == 4 * 20 + 1
    assert geometry.is_valid
    assert box == pytest.approx(geometry.bounds)


def test_a_raster_across_the_antimeridian_is_split_there() -> None:
    geometry, box = _footprint("EPSG:32660", 10_000, 0, 600_000, 0, -10_000, 5_800_000)
    west, _, east, _ = box
    assert geometry.geom_type == "MultiPolygon"
    assert geometry.is_valid
    assert west > east
    assert {part.bounds[0] == -180 or part.bounds[2] == 180 for part in geometry.geoms} == {True}


def test_longitudes_beyond_half_a_turn_are_the_same_place() -> None:
    _, box = _footprint("EPSG:4326", 0.1, 0, 179, 0, -0.1, 5)
    assert box == (179.0, 3.0, -179.0, 5.0)


@pytest.mark.parametrize(("crs", "pole"), [("EPSG:3413", 90), ("EPSG:3031", -90)])
def test_a_raster_over_a_pole_holds_it(crs: str, pole: int) -> None:
    geometry, box = _footprint(crs, 1e5, 0, -1e6, 0, -1e5, 1e6)
    assert geometry.buffer(1e-6).contains(Point(0, pole))
    assert (box[0], box[2]) == (-180.0, 180.0)
    assert pole in box
    assert not geometry.contains(Point(0, 0))


POLAR = [("EPSG:3413", 45, 90), ("EPSG:3031", 90, -90), ("EPSG:3995", 90, 90)]
"""With the longitude of the x axis and the pole."""


def _agreed(crs: str, *terms: float) -> tuple[Any, Box]:
    geometry, box = _footprint(crs, *terms)
    bounds = bounds_of_placement(Placement(PlacedBy.TRANSFORM, CRS.from_string(crs), Affine(*terms), 20, 20))
    assert geometry.is_valid
    assert [box[0] % 360, *box[1:]] == pytest.approx([bounds[0] % 360, *bounds[1:]], abs=1e-6)
    return geometry, box


@pytest.mark.parametrize("quadrant", range(4))
@pytest.mark.parametrize(("crs", "axis", "pole"), POLAR)
def test_a_raster_with_a_corner_on_a_pole_is_a_quarter_around_it(
    crs: str, axis: int, pole: int, quadrant: int
) -> None:
    left, top = [(0, 1e5), (-1e5, 1e5), (-1e5, 0), (0, 0)][quadrant]
    geometry, (west, south, east, north) = _agreed(crs, 5_000, 0, left, 0, -5_000, top)
    assert (east - west) % 360 == pytest.approx(90)
    eastwards = 90 if pole > 0 else -90
    inside = axis + eastwards * (quadrant + 0.4)
    assert geometry.contains(Point((inside + 180) % 360 - 180, pole * 0.999))
    assert pole in (south, north)
    assert geometry.area < 100


@pytest.mark.parametrize("split", [0.5, 0.37])
@pytest.mark.parametrize("side", range(4))
@pytest.mark.parametrize(("crs", "axis", "pole"), POLAR)
def test_a_raster_with_an_edge_through_a_pole_is_half_around_it(
    crs: str, axis: int, pole: int, side: int, split: float
) -> None:
    along = split * 1e5
    left, top = [(-along, 1e5), (-along, 0), (0, along), (-1e5, along)][side]
    geometry, (west, south, east, north) = _agreed(crs, 5_000, 0, left, 0, -5_000, top)
    assert (east - west) % 360 == pytest.approx(180)
    assert pole in (south, north)
    assert geometry.area < 200


@pytest.mark.parametrize("west", [-180, 0])
def test_a_map_of_the_world_is_whole(west: int) -> None:
    geometry, box = _footprint("EPSG:4326", 18, 0, west, 0, -9, 90)
    assert box == (-180.0, -90.0, 180.0, 90.0)
    assert geometry.area == 360 * 180
