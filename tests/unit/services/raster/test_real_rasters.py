"""Every real raster: what is planned for it, or the code that it is refused with."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schema.errors import PermanentTaskError
from services.raster import dates
from tests.support.raster_headers import describe_file, plan_file
from tests.support.rasters import TESTDATA, real_file

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

BILINEAR, CUBIC, NEAREST = "bilinear", "cubic", "nearest"

KEPT: dict[str, tuple[str, int, Any, bool, bool, str, int]] = {
    # dtype, bands, nodata, mask, classes, resampling, overviews
    "aster_swir.tif": ("uint8", 6, None, False, False, BILINEAR, 1),
    "cog_cmap.tif": ("uint8", 1, 0, False, True, NEAREST, 5),
    "cog_dateline.tif": ("uint16", 1, None, False, False, BILINEAR, 3),
    "cog_float_nan.tif": ("float32", 1, 0, False, False, BILINEAR, 1),
    "cog_gcps.tif": ("uint16", 1, None, False, False, BILINEAR, 2),
    "cog_int16.tif": ("int16", 1, -32768, False, False, BILINEAR, 3),
    "egm96_geoid_float32_global.tif": ("float32", 1, -88.88880157470703, False, False, BILINEAR, 2),
    "inverted_lat.tif": ("float32", 1, -9999, False, False, BILINEAR, 1),
    "landsat8_qa_pixel.tif": ("uint16", 1, None, False, True, NEAREST, 0),
    "landsat8_sr_b4.tif": ("uint16", 1, 0, False, False, BILINEAR, 0),
    "mosaic_cog1.tif": ("uint16", 3, 0, False, False, BILINEAR, 1),
    "naip_m_4112001_sw_10.tif": ("uint8", 4, None, False, False, CUBIC, 0),
    "nocog_uint16.tif": ("uint16", 1, None, False, False, BILINEAR, 3),
    "odc_au_gcp.tif": ("uint8", 1, 0, False, False, BILINEAR, 0),
    "olinda_dem_utm25s.tif": ("float32", 1, None, False, False, BILINEAR, 0),
    "rc_image_2000px.tif": ("uint8", 3, None, False, False, CUBIC, 2),
    "rc_image_colormap.tif": ("uint8", 1, None, False, True, NEAREST, 2),
    "rc_image_dec.tif": ("uint8", 3, None, False, False, CUBIC, 0),
    "rc_image_geos.tif": ("uint8", 3, 0, True, False, CUBIC, 2),
    "rc_image_no_overview.tif": ("uint8", 4, None, False, False, CUBIC, 1),
    "rgb_byte_utm18n.tif": ("uint8", 3, 0, False, False, CUBIC, 1),
    "rpcs.tif": ("uint16", 1, 0, False, False, BILINEAR, 0),
    "s2_B01_R60m.jp2": ("uint16", 1, None, False, False, BILINEAR, 2),
    "s2_fishbourne.tif": ("float32", 4, None, False, False, BILINEAR, 0),
    "titiler_dem.tif": ("float32", 1, -9999, False, False, BILINEAR, 0),
    "world_byte_4326.tif": ("uint8", 1, None, False, False, BILINEAR, 3),
    "worldcover_2021_N00E006.tif": ("uint8", 1, 0, False, True, NEAREST, 7),
}

REFUSED = {
    "raster/cint16_complex_gcps.tif": "RASTER_COMPLEX",
    "raster/cog_hirise_mars.tif": "RASTER_CRS_NOT_EARTH",
    "raster/dc_no_crs.tif": "RASTER_CRS_MISSING",
    "raster/rotated_small.tif": "RASTER_CRS_MISSING",
    "broken/csv_malformed.csv": "RASTER_FORMAT_UNKNOWN",
    "broken/empty.geojson": "RASTER_EMPTY",
    "broken/empty.tif": "RASTER_EMPTY",
    "broken/empty_zipfile.zip": "RASTER_IS_ARCHIVE",
    "broken/geojson_truncated.geojson": "RASTER_IS_VECTOR",
    "broken/geojson_unclosed_rings_nan.geojson": "RASTER_IS_VECTOR",
    "broken/giant_block_30000.tif": "RASTER_BLOCK_TOO_LARGE",
    "broken/html_error_page.tif": "RASTER_IS_XML",
    "broken/lat_out_of_range.tif": "RASTER_BOUNDS_INVALID",
    "broken/no_crs_no_transform.tif": "RASTER_NOT_GEOREFERENCED",
    "broken/ogrvrt_ssrf_disguised.geojson": "RASTER_IS_VRT",
    "broken/really_a_png.tif": "RASTER_FORMAT_MISMATCH",
    "broken/sparse_bomb_1280GB.tif": "RASTER_TOO_LARGE",
    "broken/truncated_half.tif": "RASTER_TRUNCATED",
    "broken/vrt_ssrf_disguised.tif": "RASTER_IS_VRT",
    "broken/zip_bomb_512MB.zip": "RASTER_IS_ARCHIVE",
    "broken/zip_path_traversal_shp.zip": "RASTER_IS_ARCHIVE",
}

HEADER_IS_SOUND = "broken/all_nodata.tif"
"""Only its pixels tell what is wrong with it."""


@pytest.mark.parametrize("name", KEPT)
def test_a_real_raster_is_kept_as_it_is(name: str) -> None:
    made = plan_file(real_file(f"raster/{name}"))
    stored = made.encoding
    assert KEPT[name] == (
        stored.dtype,
        stored.count,
        stored.nodata,
        stored.mask,
        made.categorical,
        made.resampling,
        made.overviews,
    )
    assert (made.warped, made.grid, stored.compression) == (False, made.description.grid, "DEFLATE")
    assert (made.chunking is None) is (name != "worldcover_2021_N00E006.tif")


@pytest.mark.parametrize("name", REFUSED)
def test_a_real_file_is_refused_with_its_code(name: str) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        describe_file(real_file(name))
    assert caught.value.error_code == REFUSED[name]


@pytest.mark.parametrize("name", KEPT)
def test_a_real_raster_has_a_grid_on_the_web(name: str) -> None:
    made = plan_file(real_file(f"raster/{name}"), profile="web")
    picture = made.description.dtype == "uint8" and not made.categorical and made.encoding.count in (1, 3)
    assert made.warped
    assert made.grid.crs == "EPSG:3857"
    assert made.encoding.compression == ("JPEG" if picture else "DEFLATE")
    assert made.encoding.mask or made.encoding.nodata is not None


def test_no_real_file_is_left_out() -> None:
    real_file("raster")
    rasters = {f"raster/{path.name}" for path in (TESTDATA / "raster").iterdir()}
    broken = {f"broken/{path.name}" for path in (TESTDATA / "broken").iterdir()}
    assert rasters | broken == {f"raster/{name}" for name in KEPT} | REFUSED.keys() | {HEADER_IS_SOUND}


def test_pixels_without_data_are_not_the_headers_business() -> None:
    assert plan_file(real_file(HEADER_IS_SOUND)).encoding.nodata == -32768


@pytest.mark.parametrize(
    ("name", "crs"),
    [("rotated_small.tif", "EPSG:32633"), ("dc_no_crs.tif", "EPSG:4326")],
)
def test_a_crs_given_lets_those_without_pass(name: str, crs: str) -> None:
    assert plan_file(real_file(f"raster/{name}"), source_crs=crs).grid.crs == crs


@pytest.mark.parametrize(
    ("name", "west", "east"),
    [
        ("cog_dateline.tif", 178, -179),
        ("egm96_geoid_float32_global.tif", -180, 180),
        ("inverted_lat.tif", -180, 180),
        ("rc_image_geos.tif", 71, -150),
    ],
)
def test_bounds_are_sane_where_it_is_hard(name: str, west: int, east: int) -> None:
    bounds = describe_file(real_file(f"raster/{name}")).description.bounds
    assert bounds is not None
    assert (round(bounds[0]), round(bounds[2])) == (west, east)


def test_a_crs_bound_to_another_is_told_in_full() -> None:
    crs = describe_file(real_file("raster/olinda_dem_utm25s.tif")).grid.crs
    assert crs is not None
    assert crs.startswith("BOUNDCRS[")


@pytest.mark.parametrize(
    ("name", "year"), [("cog_float_nan.tif", 2020), ("worldcover_2021_N00E006.tif", 2021)]
)
def test_real_tags_tell_when_it_was(name: str, year: int) -> None:
    acquired = describe_file(real_file(f"raster/{name}")).acquired
    assert acquired is not None
    assert acquired.year == year


def test_a_number_of_a_sheet_is_no_date() -> None:
    assert dates.from_name("naip_m_4112001_sw_10.tif", datetime.now(UTC)) is None
