"""What ``describe`` tells of small rasters, each made for one trait or defect."""

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.rpc import RPC
from rasterio.transform import Affine

from schema.contracts.rasters import MaskKind
from schema.errors import PermanentTaskError
from services.raster import describe
from services.raster.descriptions import DescribeResult
from tests.support.raster_headers import describe_file
from tests.support.rasters import raster_bytes

POINTS = [
    GroundControlPoint(row=row, col=column, x=10 + column / 1_000, y=50 - row / 1_000)
    for row in (0, 48)
    for column in (0, 64)
]
COEFFICIENTS = [0.0, 1.0, *[0.0] * 18]
RPCS = RPC(
    height_off=100.0,
    height_scale=500.0,
    lat_off=50.0,
    lat_scale=0.1,
    line_off=24.0,
    line_scale=24.0,
    long_off=10.0,
    long_scale=0.1,
    samp_off=32.0,
    samp_scale=32.0,
    line_num_coeff=[0.0, 0.0, -1.0, *[0.0] * 17],
    line_den_coeff=[1.0, *[0.0] * 19],
    samp_num_coeff=COEFFICIENTS,
    samp_den_coeff=[1.0, *[0.0] * 19],
)


def described(tmp_path: Path, options: dict[str, Any] | None = None, **profile: Any) -> DescribeResult:
    path = tmp_path / "raster.tif"
    path.write_bytes(raster_bytes(**profile))
    return describe_file(path, **(options or {}))


def code_of(tmp_path: Path, options: dict[str, Any] | None = None, **profile: Any) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        described(tmp_path, options, **profile)
    return caught.value.error_code


def edited(tmp_path: Path, change: Any, **profile: Any) -> DescribeResult:
    path = tmp_path / "raster.tif"
    path.write_bytes(raster_bytes(**profile))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "r+") as dataset:
            change(dataset)
    return describe_file(path)


UNPLACED: dict[str, Any] = {"crs": None, "transform": Affine.identity()}


def test_the_header_is_told_as_it_is(tmp_path: Path) -> None:
    found = described(tmp_path, bands=2, dtype="int16", nodata=-1, compress="deflate").description
    assert found.grid.crs == "EPSG:32633"
    assert found.grid.transform == (10, 0, 500_000, 0, -10, 5_000_000)
    assert (found.grid.width, found.grid.height, found.count, found.dtype) == (64, 48, 2, "int16")
    assert (found.nodata, found.mask, found.compression) == (-1, MaskKind.NODATA, "DEFLATE")
    assert found.pixel_bytes == 64 * 48 * 2 * 2
    assert found.bounds == pytest.approx((15.0, 45.149, 15.008, 45.154), abs=1e-3)


def test_what_bands_say_of_themselves_is_told(tmp_path: Path) -> None:
    def change(dataset: Any) -> None:
        dataset.scales, dataset.offsets = (0.5, 1.0), (10.0, 0.0)
        dataset.units = ("K", "")
        dataset.set_band_description(2, "quality")

    found = edited(tmp_path, change, bands=2).description
    assert (found.scales, found.offsets) == ((0.5, 1.0), (10.0, 0.0))
    assert (found.units[0], found.names) == ("K", (None, "quality"))


def test_a_colour_table_is_seen(tmp_path: Path) -> None:
    found = edited(tmp_path, lambda dataset: dataset.write_colormap(1, {0: (255, 0, 0, 255)}))
    assert found.description.has_color_table
    assert found.description.color_interpretation == ("palette",)


def test_pixels_of_one_bit_are_seen(tmp_path: Path) -> None:
    assert described(tmp_path, nbits=1).description.bits == 1


def test_alpha_is_seen(tmp_path: Path) -> None:
    def change(dataset: Any) -> None:
        dataset.colorinterp = (ColorInterp.gray, ColorInterp.alpha)

    assert edited(tmp_path, change, bands=2).description.mask is MaskKind.ALPHA


def test_an_internal_mask_is_seen(tmp_path: Path) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        found = edited(tmp_path, lambda dataset: dataset.write_mask(np.zeros((48, 64), bool)))
    assert found.description.mask is MaskKind.INTERNAL


def test_a_nodata_that_is_no_number_is_told_as_text(tmp_path: Path) -> None:
    assert described(tmp_path, dtype="float32", nodata=float("nan")).description.nodata == "nan"


def test_an_acquisition_is_found_in_another_domain(tmp_path: Path) -> None:
    def change(dataset: Any) -> None:
        dataset.update_tags(ns="IMAGERY", ACQUISITIONDATETIME="2007-08-30 11:34:56")
        dataset.update_tags(TIFFTAG_DATETIME="2020:01:01 00:00:00")

    found = edited(tmp_path, change)
    assert found.acquired == datetime(2007, 8, 30, 11, 34, 56, tzinfo=UTC)
    assert found.written == datetime(2020, 1, 1, tzinfo=UTC)


def test_a_turned_raster_keeps_its_transform(tmp_path: Path) -> None:
    turned = Affine(7, 7, 500_000, 7, -7, 5_000_000)
    found = described(tmp_path, transform=turned)
    assert found.grid.transform == turned[:6]
    assert not found.warped


def test_a_warp_is_told_with_its_grid(tmp_path: Path) -> None:
    found = described(tmp_path, {"target_crs": "EPSG:3035"})
    assert found.warped
    assert found.grid.crs == "EPSG:3035"
    assert found.description.grid.crs == "EPSG:32633"


def test_ground_control_points_stay_where_no_crs_is_asked_for(tmp_path: Path) -> None:
    found = described(tmp_path, gcps=POINTS, transform=None, crs="EPSG:4326")
    assert (found.description.gcps, found.description.bounds, found.warped) == (4, None, False)
    assert found.grid.crs is None


def test_ground_control_points_place_the_grid_of_a_warp(tmp_path: Path) -> None:
    found = described(tmp_path, {"target_crs": "EPSG:4326"}, gcps=POINTS, transform=None, crs="EPSG:4326")
    assert found.warped
    assert found.description.bounds == pytest.approx((10, 49.952, 10.064, 50))
    assert (found.grid.width, found.grid.height) == (64, 48)


def test_rpcs_place_the_grid_of_a_warp(tmp_path: Path) -> None:
    found = described(tmp_path, {"target_crs": "EPSG:4326"}, rpcs=RPCS, **UNPLACED)
    assert (found.description.has_rpcs, found.description.grid.crs) == (True, None)
    assert found.description.bounds == pytest.approx((9.9, 49.9, 10.1, 50.1), abs=0.01)


def test_a_missing_crs_is_what_the_user_says(tmp_path: Path) -> None:
    assert described(tmp_path, {"source_crs": "EPSG:3035"}, crs=None).description.grid.crs == "EPSG:3035"


def test_a_crs_given_that_is_the_rasters_own_is_no_conflict(tmp_path: Path) -> None:
    assert described(tmp_path, {"source_crs": "EPSG:32633"}).description.grid.crs == "EPSG:32633"


@pytest.mark.parametrize(
    ("options", "profile", "code"),
    [
        ({}, {"crs": None}, "RASTER_CRS_MISSING"),
        ({}, UNPLACED, "RASTER_NOT_GEOREFERENCED"),
        ({"source_crs": "EPSG:4326"}, UNPLACED, "RASTER_NOT_GEOREFERENCED"),
        ({}, {"transform": Affine.identity()}, "RASTER_NOT_GEOREFERENCED"),
        ({"source_crs": "EPSG:3035"}, {}, "RASTER_CRS_CONFLICT"),
        ({"source_crs": "EPSG:999999"}, {"crs": None}, "RASTER_CRS_UNKNOWN"),
        ({}, {"crs": "IAU_2015:49910"}, "RASTER_CRS_NOT_EARTH"),
        ({}, {"crs": "EPSG:4326"}, "RASTER_BOUNDS_INVALID"),
        ({}, {"dtype": "complex64"}, "RASTER_COMPLEX"),
        ({}, {"dtype": "int64"}, "RASTER_TYPE_UNSUPPORTED"),
        ({}, {"bands": 300, "width": 16, "height": 16}, "RASTER_TOO_MANY_BANDS"),
    ],
)
def test_each_defect_has_its_code(
    tmp_path: Path, options: dict[str, Any], profile: dict[str, Any], code: str
) -> None:
    assert code_of(tmp_path, options, **profile) == code


def sparse(path: Path, side: int, **options: Any) -> None:
    place = {"crs": "EPSG:32633", "transform": Affine(0.01, 0, 500_000, 0, -0.01, 5_000_000)}
    shape = {"width": side, "height": side, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", sparse_ok=True, **place, **shape, **options):
        pass


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    sparse(path, 400_000, tiled=True, blockxsize=8192, blockysize=8192, bigtiff="yes")
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(path)
    assert caught.value.error_code == "RASTER_TOO_LARGE"


def test_a_giant_block_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "block.tif"
    sparse(path, 9_008, tiled=True, blockxsize=9_008, blockysize=9_008)
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(path)
    assert caught.value.error_code == "RASTER_BLOCK_TOO_LARGE"


@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_pixels_beyond_the_end_are_a_truncation(tmp_path: Path, interleave: str) -> None:
    whole = raster_bytes(bands=3, interleave=interleave)
    path = tmp_path / "raster.tif"
    path.write_bytes(whole[:-100])
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(path)
    assert caught.value.error_code == "RASTER_TRUNCATED"


def test_a_block_in_the_middle_that_lies_beyond_the_end_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "_CHECKED_BLOCKS", 4)
    path = tmp_path / "raster.tif"
    path.write_bytes(raster_bytes(height=400, blockysize=1)[:-64])
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(path)
    assert caught.value.error_code == "RASTER_TRUNCATED"


def test_several_images_in_one_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "raster.tif"
    path.write_bytes(raster_bytes())
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    shape = {"width": 64, "height": 48, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", append_subdataset=True, **place, **shape) as dataset:
        dataset.write(np.zeros((1, 48, 64), "uint8"))
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(path)
    assert caught.value.error_code == "RASTER_SEVERAL_IMAGES"


def test_what_the_driver_cannot_read_is_unreadable(tmp_path: Path) -> None:
    data = bytearray(raster_bytes())
    directory = int.from_bytes(data[4:8], "little")
    data[directory + 2 : directory + 4] = b"\xff\xff"  # the width's tag becomes one that nobody knows
    path = tmp_path / "raster.tif"
    path.write_bytes(data)
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(path)
    assert caught.value.error_code == "RASTER_UNREADABLE"
