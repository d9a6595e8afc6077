"""Where rasters lie: poles, the antimeridian, other bodies, and nonsense."""

from typing import Any

import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_bounds

from schema.errors import PermanentTaskError
from services.raster.georeference import PlacedBy, Placement
from services.raster.georeference import bounds_of_placement as bounds
from services.raster.reference_systems import demand_usable, is_same, parsed, text_of

BOUND = "+proj=utm +zone=25 +south +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m +no_defs"


def placed(crs: str, *terms: float, width: int = 100, height: int = 100) -> Placement:
    return Placement(PlacedBy.TRANSFORM, parsed(crs), Affine(*terms), width, height)


def code_of(check: Any, *arguments: Any) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        check(*arguments)
    return caught.value.error_code


def test_bounds_follow_bent_edges_as_far_as_gdal_does() -> None:
    found = bounds(placed("EPSG:32633", 1000, 0, 450_000, 0, -1000, 5_000_000))
    expected = transform_bounds("EPSG:32633", "EPSG:4326", 450_000, 4_900_000, 550_000, 5_000_000)
    assert found == pytest.approx(expected, abs=1e-6)


def test_bounds_across_the_antimeridian_have_west_greater_than_east() -> None:
    west, _, east, _ = bounds(placed("EPSG:32660", 2300, 0, 570_585, 0, -2300, 5_847_615))
    assert (round(west), round(east)) == (178, -179)


def test_longitudes_beyond_180_come_back() -> None:
    assert bounds(placed("EPSG:4326", 0.1, 0, 175, 0, -0.1, 5)) == (175, -5, -175, 5)


def test_longitudes_from_0_to_360_are_all_of_the_earth() -> None:
    assert bounds(placed("EPSG:4326", 3.6, 0, 0, 0, -1.8, 90)) == (-180, -90, 180, 90)


def test_half_a_pixel_beyond_the_poles_is_the_poles() -> None:
    found = bounds(placed("EPSG:4326", 0.25, 0, -180.125, 0, -0.25, 90.125, width=1440, height=721))
    assert found == (-180, -90, 180, 90)


def test_a_raster_around_a_pole_reaches_to_it_at_all_longitudes() -> None:
    west, south, east, north = bounds(placed("EPSG:3413", 20_000, 0, -1e6, 0, -20_000, 1e6))
    assert (west, east, north) == (-180, 180, 90)
    assert 75 < south < 78


def test_a_raster_around_the_south_pole_reaches_down_to_it() -> None:
    _, south, _, north = bounds(placed("EPSG:3031", 20_000, 0, -1e6, 0, -20_000, 1e6))
    assert south == -90
    assert -78 < north < -75


def test_a_full_disk_is_bounded_by_what_is_on_earth() -> None:
    disk = placed("+proj=geos +h=35785831 +lon_0=0", 110_000, 0, -5.5e6, 0, -110_000, 5.5e6)
    assert all(abs(edge) < 85 for edge in bounds(disk))


def test_south_up_and_turned_rasters_are_bounded_alike() -> None:
    upright = bounds(placed("EPSG:4326", 0.1, 0, 10, 0, -0.1, 50))
    assert bounds(placed("EPSG:4326", 0.1, 0, 10, 0, 0.1, 40)) == pytest.approx(upright)
    assert bounds(placed("EPSG:4326", 0, 0.1, 10, 0.1, 0, 40)) == pytest.approx(upright)


def test_grads_are_no_degrees() -> None:
    _, _, _, north = bounds(placed("EPSG:4807", 0.01, 0, 0, 0, -0.01, 54))
    assert round(north, 1) == 48.6


@pytest.mark.parametrize(
    "terms",
    [
        (1, 0, -180, 0, -2, 100),
        (10, 0, -180, 0, -1, 50),
        (1, 0, 5000, 0, -1, 50),
    ],
)
def test_places_that_are_not_on_earth_are_refused(terms: tuple[float, ...]) -> None:
    assert code_of(bounds, placed("EPSG:4326", *terms)) == "RASTER_BOUNDS_INVALID"


def test_places_off_the_projection_are_refused() -> None:
    assert code_of(bounds, placed("EPSG:32633", 10, 0, 5e9, 0, -10, 5e9)) == "RASTER_BOUNDS_INVALID"


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32633", "EPSG:7415", "+proj=longlat +R=6371229", BOUND])
def test_crs_of_the_earth_are_usable(crs: str) -> None:
    demand_usable(parsed(crs))


@pytest.mark.parametrize(
    ("crs", "code"),
    [
        ("IAU_2015:49910", "RASTER_CRS_NOT_EARTH"),
        ("+proj=longlat +R=3396190", "RASTER_CRS_NOT_EARTH"),
        ('LOCAL_CS["site",UNIT["metre",1]]', "RASTER_CRS_UNKNOWN"),
        ("EPSG:5773", "RASTER_CRS_UNKNOWN"),
        ("EPSG:4978", "RASTER_CRS_UNKNOWN"),
    ],
)
def test_other_crs_have_codes(crs: str, code: str) -> None:
    assert code_of(demand_usable, parsed(crs)) == code


@pytest.mark.parametrize("text", ["EPSG:999999", "nonsense"])
def test_what_proj_does_not_know_is_unknown(text: str) -> None:
    assert code_of(parsed, text) == "RASTER_CRS_UNKNOWN"


def test_a_crs_is_told_by_its_code() -> None:
    assert text_of(CRS.from_epsg(32633)) == "EPSG:32633"


def test_a_crs_that_only_looks_like_a_known_one_is_told_in_full() -> None:
    crs = parsed(BOUND)
    assert crs.to_authority() is not None
    assert text_of(crs).startswith("BOUNDCRS[")
    assert parsed(text_of(crs)) == crs
    assert not is_same(crs, CRS.from_authority(*crs.to_authority()))
