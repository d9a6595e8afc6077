"""The grids that outputs are made on."""

import math

import pytest
from affine import Affine

from schema.contracts.rasters import Grid, RasterOptions
from schema.errors import PermanentTaskError
from services.raster.georeference import PlacedBy, Placement
from services.raster.grids import WEB_EDGE, bounds_of_grid, output_grid, shrinking, source_grid
from services.raster.reference_systems import parsed


def placed(
    crs: str | None = "EPSG:32633", size: float = 10, left: float = 500_000, top: float = 5_000_000
) -> Placement:
    transform = Affine(size, 0, left, 0, -size, top)
    return Placement(PlacedBy.TRANSFORM, parsed(crs) if crs else None, transform, 300, 200)


def made(placement: Placement, **options: object) -> Grid:
    grid = output_grid(placement, RasterOptions.model_validate(options))
    assert grid is not None
    return grid


def code_of(placement: Placement, **options: object) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        made(placement, **options)
    return caught.value.error_code


@pytest.mark.parametrize("options", [{}, {"target_crs": "EPSG:32633"}, {"profile": "visual"}])
def test_pixels_stay_unless_something_else_is_asked_for(options: dict[str, str]) -> None:
    assert output_grid(placed(), RasterOptions.model_validate(options)) is None


def test_the_source_grid_is_as_the_header_has_it() -> None:
    assert source_grid(placed()) == Grid(
        crs="EPSG:32633", transform=(10, 0, 500_000, 0, -10, 5_000_000), width=300, height=200
    )


@pytest.mark.parametrize(
    ("crs", "size", "width", "height"),
    [
        ("EPSG:4326", 0.00011701597165, 326, 154),
        ("EPSG:3035", 9.994508453, 313, 220),
        ("EPSG:3857", 14.17436106, 300, 201),
    ],
)
def test_the_resolution_in_another_crs_is_what_gdal_suggests(
    crs: str, size: float, width: int, height: int
) -> None:
    """GDAL's numbers are written down, as its suggestion needs a driver that is skipped here."""
    grid = made(placed(), target_crs=crs)
    assert grid.transform[0] == pytest.approx(size, rel=1e-4)
    assert grid.width - width in (0, 1, 2)
    assert grid.height - height in (0, 1, 2)


def test_the_origin_lies_on_a_multiple_of_the_resolution() -> None:
    grid = made(placed(left=500_003, top=4_999_998), resolution=25)
    assert grid.transform == (25, 0, 500_000, 0, -25, 5_000_000)
    assert (grid.width, grid.height) == (121, 81)


def test_a_resolution_that_fits_adds_no_pixels() -> None:
    grid = made(placed(), resolution=20)
    assert (grid.width, grid.height, grid.transform[2], grid.transform[5]) == (150, 100, 500_000, 5_000_000)


def test_web_takes_the_next_zoom_level_and_the_corner_of_a_tile() -> None:
    grid = made(placed(), profile="web")
    zoom = math.log2(2 * WEB_EDGE / 512 / grid.transform[0])
    tiles = (grid.transform[2] + WEB_EDGE) / (512 * grid.transform[0])
    assert grid.crs == "EPSG:3857"
    assert zoom == pytest.approx(round(zoom))
    assert tiles == pytest.approx(round(tiles), abs=1e-6)
    assert grid.transform[0] <= made(placed(), target_crs="EPSG:3857").transform[0] < 2 * grid.transform[0]


def test_web_keeps_a_zoom_level_that_the_source_has_already() -> None:
    size = 2 * WEB_EDGE / 512 / 2**10
    grid = made(placed("EPSG:3857", size, -WEB_EDGE, WEB_EDGE), profile="web")
    assert (grid.width, grid.height, grid.transform[0]) == (300, 200, size)


def test_web_ends_where_the_square_ends() -> None:
    world = Placement(
        PlacedBy.TRANSFORM, parsed("EPSG:4326"), Affine(0.25, 0, -180.125, 0, -0.25, 90.125), 1440, 721
    )
    grid = made(world, profile="web")
    assert grid.transform[2] == pytest.approx(-WEB_EDGE)
    assert grid.transform[5] == pytest.approx(WEB_EDGE)
    assert grid.width == grid.height == pytest.approx(2 * WEB_EDGE / grid.transform[0])


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:4269"])
def test_a_raster_across_the_antimeridian_does_not_span_the_earth(crs: str) -> None:
    grid = made(placed("EPSG:32660", 800, 580_000, 5_800_000), target_crs=crs)
    west, _, east, _ = bounds_of_grid(grid) or (0, 0, 0, 0)
    assert grid.width * grid.height < 3 * 300 * 200
    assert (round(west), round(east)) == (178, -178)


def test_a_turned_raster_is_warped_upright() -> None:
    turned = Placement(
        PlacedBy.TRANSFORM,
        parsed("EPSG:32633"),
        Affine(7, 7, 500_000, 7, -7, 5_000_000),
        100,
        100,
    )
    assert output_grid(turned, RasterOptions()) is None
    grid = made(turned, resolution=10)
    assert (grid.transform[1], grid.transform[3]) == (0, 0)
    assert (grid.width, grid.height) == (140, 140)


@pytest.mark.parametrize("size", [20, 1_000, 10_000])
def test_pixels_shrink_by_their_sizes_even_where_the_grid_is_padded(size: float) -> None:
    grid = made(placed(), profile="web", resolution=size)
    natural = made(placed(), target_crs="EPSG:3857").transform[0]
    assert shrinking(placed(), grid) == pytest.approx(grid.transform[0] / natural)


def test_ground_control_points_without_a_crs_cannot_be_warped() -> None:
    points = Placement(PlacedBy.GCPS, None, Affine.identity(), 300, 200)
    assert output_grid(points, RasterOptions()) is None
    assert code_of(points, target_crs="EPSG:4326") == "RASTER_CRS_MISSING"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"target_crs": "EPSG:999999"}, "RASTER_CRS_UNKNOWN"),
        ({"target_crs": "IAU_2015:49910"}, "RASTER_CRS_NOT_EARTH"),
        ({"resolution": 1e-9}, "RASTER_TOO_LARGE"),
    ],
)
def test_targets_that_cannot_be_have_codes(options: dict[str, object], code: str) -> None:
    assert code_of(placed(), **options) == code


def test_a_target_where_no_point_has_a_place_is_refused() -> None:
    antipode = "+proj=gnom +lat_0=-45 +lon_0=-165"
    assert code_of(placed(), target_crs=antipode) == "RASTER_OUTSIDE_TARGET_CRS"
