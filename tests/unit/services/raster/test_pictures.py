"""Pictures of rasters: sizes, colours, and what is transparent."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp

from services.raster.pictures import render, write_pictures

TRANSFORM = rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000)


def _raster(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    count, height, width = pixels.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=count, dtype=pixels.dtype,
        crs="EPSG:32633", transform=TRANSFORM, **options,
    ) as target:  # fmt: skip
        target.write(pixels)
    return path


def _rendered(path: Path, side: int = 1_024, *, categorical: bool = False) -> np.ndarray:
    with rasterio.open(path) as dataset:
        return render(dataset, side, categorical=categorical)


def test_both_pictures_keep_the_shape_within_their_sides(tmp_path: Path) -> None:
    source = _raster(tmp_path / "a.tif", np.zeros((1, 500, 2_000), "uint8"))
    with rasterio.open(source) as dataset:
        overview, thumbnail = write_pictures(dataset, tmp_path, categorical=False)
    with Image.open(overview) as picture:
        assert picture.size == (1_024, 256)
    with Image.open(thumbnail) as picture:
        assert picture.size == (256, 64)
    assert overview.read_bytes()[:4] == b"\x89PNG"


def test_a_small_raster_is_not_blown_up(tmp_path: Path) -> None:
    assert _rendered(_raster(tmp_path / "a.tif", np.zeros((1, 30, 40), "uint8"))).shape == (30, 40, 4)


def test_bytes_that_are_red_green_and_blue_are_shown_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(50, 90, (3, 20, 20)).astype("uint8")
    shown = _rendered(_raster(tmp_path / "a.tif", pixels, photometric="RGB"))
    assert np.array_equal(np.moveaxis(shown[..., :3], -1, 0), pixels)


def test_one_band_is_grey_between_its_percentiles(tmp_path: Path) -> None:
    ramp = np.linspace(-5_000, 5_000, 10_000).reshape(1, 100, 100).astype("float32")
    ramp[0, 0, 0] = 1e9
    shown = _rendered(_raster(tmp_path / "a.tif", ramp))
    assert np.array_equal(shown[..., 0], shown[..., 1])
    assert (shown[0, 1, 0], shown[-1, -1, 0]) == (0, 255)
    assert 120 < shown[50, 0, 0] < 135


def test_nodata_and_nan_are_transparent(tmp_path: Path) -> None:
    pixels = np.ones((1, 4, 4), "float32")
    pixels[0, 0, 0], pixels[0, 1, 1] = -9_999, np.nan
    opacity = _rendered(_raster(tmp_path / "a.tif", pixels, nodata=-9_999))[..., 3]
    assert (opacity[0, 0], opacity[1, 1], opacity[2, 2]) == (0, 0, 255)


def test_a_palette_is_shown_in_its_colors(tmp_path: Path) -> None:
    path = _raster(tmp_path / "a.tif", np.array([[[0, 1], [1, 0]]], "uint8"))
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {0: (10, 20, 30, 255), 1: (200, 100, 50, 255)})
    shown = _rendered(path)
    assert shown[0, 0].tolist() == [10, 20, 30, 255]
    assert shown[0, 1].tolist() == [200, 100, 50, 255]


@pytest.mark.parametrize("count", [2, 4, 7])
def test_other_numbers_of_bands_make_a_picture_too(tmp_path: Path, count: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 4_000, (count, 20, 20)).astype("uint16")
    shown = _rendered(_raster(tmp_path / "a.tif", pixels, photometric="MINISBLACK"))
    is_grey = np.array_equal(shown[..., 0], shown[..., 1])
    assert is_grey == (count == 2)


def test_alpha_makes_transparent_and_is_no_color(tmp_path: Path) -> None:
    pixels = np.full((2, 4, 4), 200, "uint8")
    pixels[1] = 0
    path = _raster(tmp_path / "a.tif", pixels)
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = (ColorInterp.gray, ColorInterp.alpha)
    assert not _rendered(path)[..., 3].any()


def test_categories_are_never_mixed(tmp_path: Path) -> None:
    pixels = np.indices((1, 64, 64)).sum(axis=0).astype("uint8") % 2 * 100
    shown = _rendered(_raster(tmp_path / "a.tif", pixels), side=16, categorical=True)
    assert set(np.unique(shown[..., 0])) <= {0, 255}
