"""What a header says is carried over, and what would be false of the copy is not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from schema.contracts.rasters import RasterOptions, RasterPlan, ResamplingMethod
from services.raster.metadata_copy import copy_metadata
from tests.support.raster_plans import plan_of, warped_grid
from tests.support.rasters import raster_bytes, real_file

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def copied(path: Path, target: Path, plan: RasterPlan | None = None) -> dict[str, Any]:
    """What the header of an empty copy says."""
    plan = plan or plan_of(path)
    shape = {"width": plan.grid.width, "height": plan.grid.height}
    with (
        rasterio.open(path) as source,
        rasterio.open(
            target, "w", "GTiff", count=plan.encoding.count, dtype=plan.encoding.dtype, **shape
        ) as made,
    ):
        copy_metadata(source, made, plan)
    return header(target)


def header(path: Path) -> dict[str, Any]:
    with rasterio.open(path) as dataset:
        bands = range(dataset.count + 1)
        palette = dataset.colorinterp[0] is ColorInterp.palette
        controls = [(each.row, each.col, each.x, each.y, each.z) for each in dataset.gcps[0]]
        return {
            "crs": dataset.crs,
            "transform": dataset.transform,
            "nodata": repr(dataset.nodata),
            "scales": dataset.scales,
            "offsets": dataset.offsets,
            "units": dataset.units,
            "names": dataset.descriptions,
            "tags": [{"AREA_OR_POINT": "Area"} | dataset.tags(band) for band in bands],
            "colors": dataset.colorinterp,
            "palette": dataset.colormap(1) if palette else None,
            "gcps": (controls, dataset.gcps[1]),
            "rpcs": dataset.rpcs and dataset.rpcs.to_gdal(),
        }


def made(path: Path, **options: Any) -> Path:
    path.write_bytes(raster_bytes(**options))
    return path


REAL = [
    "aster_swir.tif",
    "cog_cmap.tif",
    "cog_dateline.tif",
    "cog_float_nan.tif",
    "cog_gcps.tif",
    "dc_no_crs.tif",
    "inverted_lat.tif",
    "naip_m_4112001_sw_10.tif",
    "odc_au_gcp.tif",
    "olinda_dem_utm25s.tif",
    "rc_image_colormap.tif",
    "rc_image_geos.tif",
    "rc_image_no_overview.tif",
    "rgb_byte_utm18n.tif",
    "rotated_small.tif",
    "rpcs.tif",
    "worldcover_2021_N00E006.tif",
]


@pytest.mark.parametrize("name", REAL)
def test_a_real_header_is_carried_over_whole(name: str, tmp_path: Path) -> None:
    path = real_file(f"raster/{name}")
    said = header(path)
    for tags in said["tags"]:
        tags.pop("OVR_RESAMPLING_ALG", None)
    assert copied(path, tmp_path / "copy.tif") == said


def test_scales_offsets_units_and_names_are_kept_by_band(tmp_path: Path) -> None:
    path = made(tmp_path / "source.tif", bands=2, dtype="int16")
    with rasterio.open(path, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.1, 1.0), (0.0, -273.15)
        dataset.units, dataset.descriptions = ("m", "K"), ("height", "heat")
    said = copied(path, tmp_path / "copy.tif")
    assert (said["scales"], said["offsets"]) == ((0.1, 1.0), (0.0, -273.15))
    assert (said["units"], said["names"]) == (("m", "K"), ("height", "heat"))


def test_tags_of_other_domains_are_kept(tmp_path: Path) -> None:
    path = made(tmp_path / "source.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="survey", team="north")
        dataset.update_tags(1, ns="survey", lens="wide")
    copied(path, tmp_path / "copy.tif")
    with rasterio.open(tmp_path / "copy.tif") as dataset:
        assert dataset.tags(ns="survey") == {"team": "north"}
        assert dataset.tags(1, ns="survey") == {"lens": "wide"}


def test_a_domain_that_names_other_files_is_left_out(tmp_path: Path) -> None:
    path = made(tmp_path / "source.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="GEOLOCATION", X_DATASET="/vsicurl/http://127.0.0.1:1/x.tif", X_BAND="1")
    copied(path, tmp_path / "copy.tif")
    assert b"vsicurl" not in (tmp_path / "copy.tif").read_bytes()


def test_statistics_of_other_pixels_are_left_out(tmp_path: Path) -> None:
    path = made(tmp_path / "source.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(1, STATISTICS_MEAN="7", sensor="B4")
    plan = plan_of(path, options=RasterOptions(nodata=3))
    assert copied(path, tmp_path / "copy.tif", plan)["tags"][1] == {"AREA_OR_POINT": "Area", "sensor": "B4"}


@pytest.mark.parametrize("nodata", [-9999.0, float("nan"), float("inf"), float("-inf")])
def test_nodata_of_every_kind_is_kept(nodata: float, tmp_path: Path) -> None:
    path = made(tmp_path / "source.tif", dtype="float32", nodata=nodata)
    assert copied(path, tmp_path / "copy.tif")["nodata"] == repr(nodata)


def test_pixels_that_are_points_stay_where_they_were(tmp_path: Path) -> None:
    path = made(tmp_path / "source.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(AREA_OR_POINT="Point")
    said = copied(path, tmp_path / "copy.tif")
    assert said["transform"] == header(path)["transform"]
    assert said["tags"][0]["AREA_OR_POINT"] == "Point"


def test_a_warp_uses_up_ground_control_points(tmp_path: Path) -> None:
    path = tmp_path / "source.tif"
    controls = [
        GroundControlPoint(row, col, 500_000 + col * 10, 5_000_000 - row * 10, 0)
        for row in (0, 48)
        for col in (0, 64)
    ]
    pixels = np.ones((1, 48, 64), "uint8")
    with rasterio.open(path, "w", "GTiff", width=64, height=48, count=1, dtype="uint8") as dataset:
        dataset.gcps = (controls, CRS.from_epsg(32633))
        dataset.write(pixels)
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857"))
    said = copied(path, tmp_path / "copy.tif", plan)
    assert said["gcps"] == ([], None)
    assert said["crs"].to_epsg() == 3857
    assert said["transform"] == Affine(*plan.grid.transform)


def test_ground_control_points_without_a_crs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "source.tif"
    controls = [GroundControlPoint(row, col, col, -row, 0) for row in (0, 9) for col in (0, 9)]
    with rasterio.open(path, "w", "GTiff", width=9, height=9, count=1, dtype="uint8") as dataset:
        dataset.gcps = (controls, CRS())
        dataset.write(np.ones((1, 9, 9), "uint8"))
    assert copied(path, tmp_path / "copy.tif") == header(path)


@pytest.mark.parametrize(
    ("method", "kept"), [(ResamplingMethod.NEAREST, True), (ResamplingMethod.CUBIC, False)]
)
def test_a_palette_goes_only_with_values_that_were_not_mixed(
    method: ResamplingMethod, kept: bool, tmp_path: Path
) -> None:
    path = made(tmp_path / "source.tif")
    with rasterio.open(path, "r+") as dataset:
        dataset.write_colormap(1, {1: (10, 20, 30, 255)})
    plan = plan_of(path, grid=warped_grid(path, "EPSG:3857"), resampling=method)
    said = copied(path, tmp_path / "copy.tif", plan)
    assert (said["palette"] or {}).get(1) == ((10, 20, 30, 255) if kept else None)
