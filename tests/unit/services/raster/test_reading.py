"""Windows of the output grid: the source's own pixels bit by bit, and resampled ones without seams."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine
from rasterio.windows import Window

from schema.contracts.rasters import Grid, RasterOptions, RasterPlan, ResamplingMethod
from services.raster.masks import count_valid
from services.raster.reading import chunk_window, read_window
from services.raster.warping import Warper
from tests.support.raster_plans import plan_of, warped_grid
from tests.support.rasters import raster_bytes, real_file

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def write(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    count, height, width = pixels.shape
    profile: dict[str, Any] = {"crs": "EPSG:32633", "transform": UTM, **options}
    mask = profile.pop("mask", None)
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", "GTiff", width=width, height=height, count=count, dtype=pixels.dtype, **profile
        ) as made,
    ):
        made.write(pixels)
        if mask is not None:
            made.write_mask(mask)
    return path


def read(path: Path, plan: RasterPlan, window: Window | None = None) -> tuple[Any, Any]:
    whole = Window(0, 0, plan.grid.width, plan.grid.height)
    with rasterio.open(path) as dataset:
        return read_window(dataset, plan, window or whole)


def resampled(warper: Warper, window: Window) -> tuple[np.ndarray, np.ndarray]:
    pieces = list(warper.pieces(window))
    shape = len(pieces[0].values), window.height, window.width
    values, valid = np.zeros(shape, pieces[0].values.dtype), np.zeros(shape, np.bool_)
    for piece in pieces:
        values[:, *piece.place], valid[:, *piece.place] = piece.values, piece.valid
    return values, valid


def random(dtype: str, shape: tuple[int, int, int] = (1, 61, 77), seed: int = 1) -> np.ndarray:
    made = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return (made.normal(size=shape) * 1_000).astype(dtype)
    limits = np.iinfo(dtype)
    return made.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_window_that_is_not_resampled_is_the_sources_bit_by_bit(dtype: str, tmp_path: Path) -> None:
    pixels = random(dtype)
    plan = plan_of(write(tmp_path / "a.tif", pixels))
    found, valid = read(tmp_path / "a.tif", plan, Window(13, 7, 50, 31))
    assert found.tobytes() == pixels[:, 7:38, 13:63].tobytes()
    assert (found.dtype, valid) == (pixels.dtype, None)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", [ResamplingMethod.NEAREST, ResamplingMethod.BILINEAR])
def test_resampling_to_the_same_grid_changes_no_pixel(
    dtype: str, method: ResamplingMethod, tmp_path: Path
) -> None:
    pixels = random(dtype)
    path = write(tmp_path / "a.tif", pixels)
    grid = Grid(crs="EPSG:32633", transform=tuple(UTM)[:6], width=77, height=61)
    found, _ = read(path, plan_of(path, grid=grid, resampling=method))
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("nodata", [0.0, -9999.0, float("nan"), float("inf"), float("-inf")])
def test_nodata_of_every_kind_is_no_part_of_its_neighbours(nodata: float, tmp_path: Path) -> None:
    pixels = np.full((1, 40, 40), 7, np.float32)
    pixels[0, :, 20:] = nodata
    path = write(tmp_path / "a.tif", pixels, nodata=nodata)
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857"))
    found, valid = read(path, plan)
    kept = np.isclose(found, 7)
    assert valid is None
    assert 0 < kept.sum() < kept.size
    rest = found[~kept]
    assert np.isnan(rest).all() if np.isnan(nodata) else (rest == np.float32(nodata)).all()
    assert count_valid(found, valid, plan) == kept.sum()


def test_nan_is_invalid_beside_other_nodata(tmp_path: Path) -> None:
    pixels = np.full((1, 30, 30), 5, np.float32)
    pixels[0, 10:20] = np.nan
    path = write(tmp_path / "a.tif", pixels, nodata=-1)
    plan = plan_of(path, grid=warped_grid(path, "EPSG:4326"))
    found, _ = read(path, plan)
    assert set(np.unique(found).tolist()) == {-1.0, 5.0}


def test_bands_have_gaps_of_their_own(tmp_path: Path) -> None:
    pixels = np.full((2, 30, 30), 5, np.uint8)
    pixels[0, :10], pixels[1, 20:] = 0, 0
    path = write(tmp_path / "a.tif", pixels, nodata=0)
    found, _ = read(path, plan_of(path, grid=warped_grid(path, "EPSG:3857")))
    middle = found.shape[2] // 2
    assert [found[:, row, middle].tolist() for row in (4, 15, 25)] == [[0, 5], [5, 5], [5, 0]]


def test_the_users_nodata_goes_before_the_rasters(tmp_path: Path) -> None:
    pixels = np.array([[[1, 2, 3, 4]]], np.uint8)
    path = write(tmp_path / "a.tif", pixels, nodata=1)
    plan = plan_of(path, options=RasterOptions(nodata=3))
    found, valid = read(path, plan)
    assert count_valid(found, valid, plan) == 3


def test_nodata_becomes_a_mask_where_the_output_has_one(tmp_path: Path) -> None:
    pixels = np.array([[[0, 1]], [[0, 0]], [[0, 9]]], np.uint8)
    path = write(tmp_path / "a.tif", pixels, nodata=0)
    _, valid = read(path, plan_of(path, nodata=None, mask=True, compression="JPEG", quality=90, predictor=1))
    assert valid.tolist() == [[False, True]]


def test_alpha_becomes_a_mask_where_it_is_dropped(tmp_path: Path) -> None:
    pixels = random("uint8", (4, 20, 20))
    path = write(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    found, valid = read(path, plan_of(path, count=3, mask=True, drop_alpha=True))
    np.testing.assert_array_equal(found, pixels[:3])
    np.testing.assert_array_equal(valid, pixels[3] != 0)


def test_alpha_that_stays_keeps_hidden_colors_out_of_a_warp(tmp_path: Path) -> None:
    pixels = np.full((4, 40, 40), 200, np.uint8)
    pixels[:, :, 20:] = 0
    path = write(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857"))
    found, valid = read(path, plan)
    assert valid is None
    assert set(np.unique(found[:3][:, found[3] > 0]).tolist()) == {200}
    assert count_valid(found, valid, plan) == np.count_nonzero(found[3])


@pytest.mark.parametrize("nodata", [0, 255])
@pytest.mark.parametrize("method", [ResamplingMethod.NEAREST, ResamplingMethod.BILINEAR])
def test_alpha_is_warped_alike_whatever_nodata_is(
    nodata: int, method: ResamplingMethod, tmp_path: Path
) -> None:
    pixels = np.full((4, 40, 40), 200, np.uint8)
    pixels[3, :, :20], pixels[3, :, 20:] = 255, 0
    path = write(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    grid = warped_grid(path, "EPSG:3857")
    plain, _ = read(path, plan_of(path, grid=grid, resampling=method))
    options = RasterOptions(nodata=nodata)
    found, _ = read(path, plan_of(path, grid=grid, resampling=method, options=options))
    assert {0, 255} <= set(np.unique(plain[3]).tolist())
    np.testing.assert_array_equal(found[3], plain[3])
    assert set(np.unique(found[:3][:, found[3] == 0]).tolist()) <= {nodata, 200}


def test_an_internal_mask_is_kept_as_it_is(tmp_path: Path) -> None:
    pixels, mask = random("uint8"), random("uint8", seed=2)[0] > 100
    plan = plan_of(write(tmp_path / "a.tif", pixels, mask=mask))
    found, valid = read(tmp_path / "a.tif", plan)
    np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(valid, mask)


def test_nodata_beside_a_mask_joins_it_where_the_output_has_no_nodata(tmp_path: Path) -> None:
    pixels, mask = np.array([[[0, 3, 5]]], np.uint8), np.array([[True, True, False]])
    path = write(tmp_path / "a.tif", pixels, mask=mask, nodata=0)
    _, kept = read(path, plan_of(path))
    _, joined = read(path, plan_of(path, nodata=None, compression="JPEG", quality=90, predictor=1))
    assert (kept.tolist(), joined.tolist()) == ([[True, True, False]], [[False, True, False]])


def test_a_mask_becomes_nodata_where_the_output_has_none(tmp_path: Path) -> None:
    pixels, mask = np.full((1, 1, 2), 3, np.int16), np.array([[True, False]])
    path = write(tmp_path / "a.tif", pixels, mask=mask)
    found, valid = read(path, plan_of(path, mask=False, nodata=-1))
    assert (found.tolist(), valid) == ([[[3, -1]]], None)


def test_what_a_warp_leaves_empty_is_masked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((3, 50, 50), 9, np.uint8))
    plan = plan_of(path, grid=warped_grid(path, "EPSG:32632"), mask=True)
    found, valid = read(path, plan)
    assert 0 < valid.sum() < valid.size
    assert (found[:, valid] == 9).all()
    assert (found[:, ~valid] == 0).all()


def test_a_valid_value_may_not_become_nodata(tmp_path: Path) -> None:
    pixels = np.tile(np.array([-1, 1], np.int16), 20).reshape(1, 1, 40).repeat(40, 1)
    path = write(tmp_path / "a.tif", pixels, nodata=0)
    grid = Grid(crs="EPSG:32633", transform=(20, 0, 500_000, 0, -20, 5_000_000), width=20, height=20)
    plan = plan_of(path, grid=grid, resampling=ResamplingMethod.AVERAGE)
    assert set(np.unique(read(path, plan)[0]).tolist()) == {1}


def test_a_warp_never_leaves_the_range_of_the_type(tmp_path: Path) -> None:
    pixels = np.zeros((1, 60, 60), np.uint8)
    pixels[0, :, 30:] = 255
    path = write(tmp_path / "a.tif", pixels)
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857"), resampling=ResamplingMethod.CUBIC, mask=True)
    found, valid = read(path, plan)
    row = found[0, found.shape[1] // 2][valid[found.shape[1] // 2]]
    assert (np.diff(row.astype(int)) >= -1).all()


def test_classes_stay_classes_even_where_they_are_large(tmp_path: Path) -> None:
    values = np.array([2**24 + 1, 2**31 - 1, -5], np.int32)
    pixels = np.random.default_rng(4).choice(values, (1, 60, 60))
    path = write(tmp_path / "a.tif", pixels)
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857", 30), resampling=ResamplingMethod.MODE, nodata=0)
    found, _ = read(path, plan)
    assert set(np.unique(found).tolist()) <= {*values.tolist(), 0}
    assert (found == 2**24 + 1).any()


@pytest.mark.parametrize("method", list(ResamplingMethod)[1:])
def test_pieces_of_a_warp_are_those_of_the_whole(method: ResamplingMethod, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", random("uint8", (1, 900, 700)))
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857", 13), resampling=method, mask=True, chunk=512)
    whole, valid = read(path, plan)
    assert plan.chunking is not None
    for chunk in range(plan.chunking.count):
        window = chunk_window(plan.grid, plan.chunking, chunk)
        place = window.toslices()
        piece, piece_valid = read(path, plan, window)
        np.testing.assert_array_equal(piece, whole[:, *place])
        np.testing.assert_array_equal(piece_valid, valid[place])


@pytest.mark.parametrize("method", [ResamplingMethod.NEAREST, ResamplingMethod.CUBIC])
def test_a_source_read_in_pieces_gives_what_it_gives_at_once(
    method: ResamplingMethod, tmp_path: Path
) -> None:
    rows, columns = np.mgrid[:600, :640]
    pixels = np.stack([rows + columns, rows * 2]).astype(np.int16)
    path = write(tmp_path / "a.tif", pixels)
    plan = plan_of(path, grid=warped_grid(path, "EPSG:4326"), resampling=method, mask=True)
    whole = Window(0, 0, plan.grid.width, plan.grid.height)
    with rasterio.open(path) as dataset:
        at_once, kept = resampled(Warper(dataset, plan), whole)
        in_pieces, kept_too = resampled(Warper(dataset, plan, max_source_bytes=500_000), whole)
    assert (kept != kept_too).mean() < 0.001
    both = kept & kept_too
    np.testing.assert_allclose(at_once[both], in_pieces[both], atol=2)


def test_a_source_far_larger_than_its_piece_is_read_at_a_lower_level(tmp_path: Path) -> None:
    pixels = np.full((1, 1_000, 1_000), 40, np.uint8)
    pixels[0, :, 500:] = 80
    path = write(tmp_path / "a.tif", pixels)
    grid = Grid(crs="EPSG:32633", transform=(1_000, 0, 500_000, 0, -1_000, 5_000_000), width=10, height=10)
    plan = plan_of(path, grid=grid, resampling=ResamplingMethod.AVERAGE, mask=True)
    with rasterio.open(path) as dataset:
        values, valid = resampled(Warper(dataset, plan, max_source_bytes=200_000), Window(0, 0, 10, 10))
    assert valid.all()
    np.testing.assert_allclose(values[0, :, :4], 40)
    np.testing.assert_allclose(values[0, :, 6:], 80)


def test_a_south_up_raster_is_turned_by_a_warp(tmp_path: Path) -> None:
    pixels = random("int16", (1, 180, 360))
    path = write(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=Affine(1, 0, -180, 0, 1, -90))
    grid = Grid(crs="EPSG:4326", transform=(1, 0, -180, 0, -1, 90), width=360, height=180)
    found, _ = read(path, plan_of(path, grid=grid, resampling=ResamplingMethod.NEAREST))
    np.testing.assert_array_equal(found[0], pixels[0, ::-1])


def test_a_real_south_up_raster_is_read_as_it_is() -> None:
    path = real_file("raster/inverted_lat.tif")
    plan = plan_of(path)
    found, valid = read(path, plan)
    assert count_valid(found, valid, plan) == 0


def test_a_rotated_raster_lands_where_its_transform_says(tmp_path: Path) -> None:
    turned = Affine.translation(500_000, 5_000_000) @ Affine.rotation(30) @ Affine.scale(10, -10)
    pixels = np.full((1, 40, 40), 1, np.uint8)
    pixels[0, 18:22, 18:22] = 99
    path = write(tmp_path / "a.tif", pixels, transform=turned)
    grid = Grid(crs="EPSG:32633", transform=(10, 0, 499_500, 0, -10, 5_000_500), width=120, height=120)
    plan = plan_of(path, grid=grid, resampling=ResamplingMethod.NEAREST, mask=True)
    found, valid = read(path, plan)
    x, y = turned @ (20, 20)
    column, row = ~Affine(*grid.transform) @ (x, y)
    assert found[0, int(row), int(column)] == 99
    assert abs(int(valid.sum()) - 1_600) < 40


def test_a_raster_across_the_antimeridian_is_whole_in_longitudes(tmp_path: Path) -> None:
    utm60 = Affine(1_000, 0, 750_000, 0, -1_000, 100_000)
    path = write(tmp_path / "a.tif", np.full((1, 100, 200), 5, np.int16), crs="EPSG:32660", transform=utm60)
    grid = Grid(crs="EPSG:4326", transform=(0.01, 0, 179.5, 0, -0.01, 0.5), width=100, height=40)
    found, _ = read(path, plan_of(path, grid=grid, nodata=-1))
    assert (found == 5).all()


def test_a_global_raster_fills_a_grid_across_the_antimeridian(tmp_path: Path) -> None:
    longitudes = np.arange(-179.5, 180).astype(np.float32)
    pixels = np.tile(longitudes, (1, 180, 1))
    path = write(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=Affine(1, 0, -180, 0, -1, 90))
    grid = Grid(crs="EPSG:32660", transform=(20_000, 0, 400_000, 0, -20_000, 400_000), width=45, height=30)
    found, _ = read(path, plan_of(path, grid=grid, resampling=ResamplingMethod.NEAREST, nodata="nan"))
    assert not np.isnan(found).any()
    assert found.min() < -170
    assert found.max() > 170


def test_a_grid_of_longitudes_a_turn_away_is_filled(tmp_path: Path) -> None:
    pixels = np.tile(np.arange(0.5, 360).astype(np.float32), (1, 20, 1))
    path = write(tmp_path / "a.tif", pixels, crs="EPSG:4326", transform=Affine(1, 0, 0, 0, -1, 10))
    grid = Grid(crs="EPSG:4326", transform=(1, 0, -180, 0, -1, 10), width=360, height=20)
    plan = plan_of(path, grid=grid, resampling=ResamplingMethod.NEAREST, nodata="nan")
    found, _ = read(path, plan)
    np.testing.assert_array_equal(found[0, 3], np.r_[180.5:360, 0.5:180])


def test_ground_control_points_place_every_pixel(tmp_path: Path) -> None:
    controls = [
        GroundControlPoint(row, column, 500_000 + column * 10, 5_000_000 - row * 10, 0)
        for row in (0, 300, 600)
        for column in (0, 350, 700)
    ]
    pixels = random("uint8", (1, 600, 700))
    path = write(tmp_path / "a.tif", pixels, crs=CRS.from_epsg(32633), gcps=controls, transform=None)
    grid = Grid(crs="EPSG:32633", transform=tuple(UTM)[:6], width=700, height=600)
    plan = plan_of(path, grid=grid, resampling=ResamplingMethod.NEAREST, mask=True)
    found, valid = read(path, plan)
    assert valid.all()
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("name", ["rpcs.tif", "cog_gcps.tif", "odc_au_gcp.tif", "cog_dateline.tif"])
def test_a_real_raster_fills_the_middle_of_its_grid(name: str) -> None:
    path = real_file(f"raster/{name}")
    grid = warped_grid(path, "EPSG:3857" if name != "cog_dateline.tif" else "EPSG:32601")
    plan = plan_of(path, grid=grid, nodata=None, mask=True)
    middle = Window(grid.width // 2 - 20, grid.height // 2 - 20, 40, 40)
    _, valid = read(path, plan, middle)
    assert valid.mean() > 0.85


def test_a_piece_beyond_the_source_is_empty(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", random("uint8"))
    grid = Grid(crs="EPSG:3857", transform=(10, 0, 0, 0, -10, 0), width=30, height=20)
    found, valid = read(path, plan_of(path, grid=grid, mask=True))
    assert not valid.any()
    assert not found.any()


def test_one_pixel_is_a_raster(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.full((1, 1, 1), 3, np.uint8))
    found, _ = read(path, plan_of(path))
    warped, valid = read(path, plan_of(path, grid=warped_grid(path, "EPSG:3857", 10), mask=True))
    assert found.item() == 3
    assert set(warped[0][valid].tolist()) == {3}


def test_a_palette_is_resampled_by_picking(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(raster_bytes())
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (10, 20, 30, 255)})
        assert dataset.colorinterp[0] is ColorInterp.palette
        known = set(np.unique(dataset.read(1)).tolist())
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857"), resampling=ResamplingMethod.NEAREST, mask=True)
    found, valid = read(path, plan)
    assert set(np.unique(found[0][valid]).tolist()) <= known


def test_the_last_chunks_end_with_the_grid() -> None:
    grid = Grid(crs=None, transform=(1, 0, 0, 0, 1, 0), width=1_300, height=700)
    plan_chunks = plan_of(real_file("raster/rotated_small.tif"), grid=grid, chunk=512).chunking
    assert plan_chunks is not None
    assert chunk_window(grid, plan_chunks, 5) == Window(1_024, 512, 276, 188)
