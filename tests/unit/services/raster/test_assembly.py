"""A COG assembled from chunks is the COG that one piece would have been made into."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from rio_cogeo.cogeo import cog_validate

from tests.support.chunked_cogs import assert_levels_equal, chunked_cog
from tests.support.raster_plans import plan_of


def source(folder: Path, pixels: np.ndarray, valid: np.ndarray | None = None, **options: Any) -> Path:
    path = folder / "source.tif"
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000), **options}
    shape = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", driver="GTiff", dtype=pixels.dtype, **shape, **place) as dataset:
            dataset.write(pixels)
            if valid is not None:
                dataset.write_mask(valid)
    return path


def noise(bands: int, height: int, width: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(5).integers(0, 100, (bands, height, width)).astype(dtype)


def assert_valid(cog: Path) -> None:
    valid, errors, found = cog_validate(cog, strict=True, quiet=True)
    assert (valid, errors, found) == (True, [], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(cog) as dataset:
            assert "LAYOUT=IFDS_BEFORE_DATA" in dataset.get_tag_item("GDAL_STRUCTURAL_METADATA", "TIFF")
            assert set(dataset.block_shapes) == {(512, 512)}


@pytest.mark.parametrize(
    ("dtype", "bands"),
    [
        ("uint8", 1),
        ("uint8", 3),
        ("uint8", 5),
        ("int8", 1),
        ("uint16", 4),
        ("int16", 1),
        ("int32", 2),
        ("uint32", 1),
        ("float32", 3),
        ("float64", 1),
    ],
)
def test_every_level_has_the_pixels_of_one_piece(dtype: str, bands: int, tmp_path: Path) -> None:
    path = source(tmp_path, noise(bands, 700, 1300, dtype))
    plan = plan_of(path, chunk=512, levels=0)

    cog = chunked_cog(path, plan, tmp_path)

    assert_levels_equal(cog, plan, path)
    assert_valid(cog)


def test_chunks_may_make_the_first_overviews_themselves(tmp_path: Path) -> None:
    path = source(tmp_path, noise(3, 1500, 2000))
    plan = plan_of(path, chunk=1024, levels=1)

    cog = chunked_cog(path, plan, tmp_path)

    assert_levels_equal(cog, plan, path)
    assert_valid(cog)


@pytest.mark.parametrize("method", ["average", "nearest"])
def test_a_mask_has_its_own_overviews(method: Any, tmp_path: Path) -> None:
    valid = np.random.default_rng(1).random((1100, 1030)) > 0.7
    path = source(tmp_path, noise(3, 1100, 1030), valid)
    plan = plan_of(path, chunk=512, levels=0, overview_resampling=method)
    assert plan.encoding.mask

    cog = chunked_cog(path, plan, tmp_path)

    assert_levels_equal(cog, plan, path)
    assert_valid(cog)


@pytest.mark.parametrize(("dtype", "nodata"), [("int16", 7), ("float32", float("nan")), ("float32", -9999.0)])
def test_nodata_is_declared_at_every_level(dtype: str, nodata: float, tmp_path: Path) -> None:
    pixels = noise(1, 600, 1030, dtype)
    pixels[:, 100:300] = nodata
    path = source(tmp_path, pixels, nodata=nodata)
    plan = plan_of(path, chunk=512, levels=0)

    cog = chunked_cog(path, plan, tmp_path)

    assert_levels_equal(cog, plan, path)
    for level in range(plan.overviews):
        with rasterio.open(cog, overview_level=level) as overview:
            np.testing.assert_equal(overview.nodata, nodata)


def test_a_palette_is_kept_at_every_level(tmp_path: Path) -> None:
    path = source(tmp_path, noise(1, 600, 1030) % 3, photometric="palette")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (255, 0, 0, 255), 1: (0, 255, 0, 255), 2: (0, 0, 255, 255)})
    plan = plan_of(path, chunk=512, levels=0, overview_resampling="nearest")

    cog = chunked_cog(path, plan, tmp_path)

    assert_levels_equal(cog, plan, path)
    for options in ({}, {"overview_level": 1}):
        with rasterio.open(cog, **options) as dataset:
            assert dataset.colorinterp == (ColorInterp.palette,)
            assert dataset.colormap(1)[1] == (0, 255, 0, 255)


def test_what_the_header_says_is_what_gdal_s_own_driver_keeps(tmp_path: Path) -> None:
    path = source(tmp_path, noise(4, 600, 700, "uint16"))
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.5, 1, 1, 2), (1, 0, 0, 3)
        dataset.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
        dataset.set_band_description(2, "green")
        dataset.set_band_unit(3, "W")
        dataset.update_tags(ACQUIRED="2024-05-01", AREA_OR_POINT="Point")
        dataset.update_tags(2, wavelength="560")
    plan = plan_of(path, chunk=512, levels=0)

    cog = chunked_cog(path, plan, tmp_path)

    with rasterio.open(path) as before, rasterio.open(cog) as after:
        for fact in ("crs", "transform", "scales", "offsets", "colorinterp", "descriptions", "units"):
            assert getattr(after, fact) == getattr(before, fact)
        assert after.tags() == before.tags()
        assert after.tags(2) == before.tags(2)


def test_ground_control_points_are_kept(tmp_path: Path) -> None:
    points = [GroundControlPoint(row, row, 10 + row / 100, 50 - row / 100) for row in (0, 300, 600)]
    path = source(tmp_path, noise(1, 600, 700), gcps=points, crs="EPSG:4326", transform=None)
    plan = plan_of(path, chunk=512, levels=0)

    with rasterio.open(chunked_cog(path, plan, tmp_path)) as cog:
        found, crs = cog.gcps

    assert crs.to_epsg() == 4326
    assert [(each.row, each.col, each.x, each.y) for each in found] == [
        (each.row, each.col, each.x, each.y) for each in points
    ]


@pytest.mark.parametrize("bands", [1, 3])
def test_jpeg_is_read_with_the_tables_of_the_header(bands: int, tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 1300).astype("uint8")
    pixels = np.broadcast_to(ramp, (bands, 700, 1300))
    valid = np.zeros((700, 1300), bool)
    valid[:, 200:] = True
    path = source(tmp_path, pixels, valid)
    plan = plan_of(path, chunk=512, levels=0, compression="JPEG", quality=85, predictor=1)

    cog = chunked_cog(path, plan, tmp_path)

    assert_valid(cog)
    for options, expected in (({}, pixels), ({"overview_level": 0}, pixels[:, ::2, ::2])):
        with rasterio.open(cog, **options) as dataset:
            assert dataset.compression.value == "JPEG"
            differences = np.abs(dataset.read().astype(int) - expected)
            assert differences[..., 216 * dataset.width // 1300 :].max() <= 6
            np.testing.assert_array_equal(
                dataset.read_masks(1)[0] > 0, valid[0, :: pixels.shape[2] // dataset.width]
            )
