"""Items tell of a COG what STAC has words for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schema.contracts.process_raster import BandStatistics, PixelComparison, ValidatedCog
from schema.contracts.rasters import OutputProfile
from schema.json_types import canonical_json
from services.stac.item import Origin, item_of
from services.stac.validation import problems_of
from tests.fakes.blobs import FakeBlobRepository
from tests.support.raster_results import checked, planned
from tests.support.stac import assert_valid_by_pystac

ORIGIN = Origin(job_id="ab" * 32, run=2, created=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


def _item(validated: ValidatedCog | None = None) -> dict[str, Any]:
    item: dict[str, Any] = item_of(validated or checked(), ORIGIN, FakeBlobRepository().address_of)
    assert problems_of(item) == []
    assert_valid_by_pystac(item)
    return item


def _with(described: dict[str, Any] | None = None, encoding: dict[str, Any] | None = None) -> ValidatedCog:
    plan = planned()
    changed = plan.model_copy(
        update={
            "description": plan.description.model_copy(update=described or {}),
            "encoding": plan.encoding.model_copy(update=encoding or {}),
        }
    )
    return checked(changed)


def test_it_says_which_raster_when_and_where() -> None:
    item = _item()
    assert (item["id"], item["collection"]) == ("a", "elevation")
    assert item["properties"]["datetime"] == "2024-05-01T00:00:00Z"
    assert item["properties"]["created"] == "2026-01-02T03:04:05Z"
    assert item["bbox"] == [15.0, 45.0, 15.2, 45.2]
    assert item["geometry"]["type"] == "Polygon"


def test_it_describes_the_grid() -> None:
    properties = _item()["properties"]
    assert properties["proj:code"] == "EPSG:32633"
    assert properties["proj:shape"] == [768, 1_024]
    assert properties["proj:transform"] == [10, 0, 500_000, 0, -10, 5_000_000]
    assert properties["proj:bbox"] == [500_000, 4_992_320, 510_240, 5_000_000]
    assert "proj:wkt2" not in properties


def test_a_crs_without_a_code_is_told_in_wkt() -> None:
    validated = checked()
    custom = validated.model_copy(update={"place": validated.place.model_copy(update={"code": None})})
    properties = _item(custom)["properties"]
    assert properties["proj:code"] is None
    assert properties["proj:wkt2"] == "PROJCRS[]"


def test_a_raster_placed_by_points_has_a_shape_and_no_grid() -> None:
    validated = checked()
    nowhere = {"code": None, "wkt2": None, "grid_bbox": None}
    placed = validated.model_copy(update={"place": validated.place.model_copy(update=nowhere)})
    properties = _item(placed)["properties"]
    assert [name for name in properties if name.startswith("proj:")] == ["proj:shape"]


def test_its_files_are_named_by_addresses_without_a_signature() -> None:
    item = _item()
    hrefs = [asset["href"] for asset in item["assets"].values()] + [link["href"] for link in item["links"]]
    assert all(href.startswith("https://account.example.com/") and "?" not in href for href in hrefs)
    assert {name: asset["roles"] for name, asset in item["assets"].items()} == {
        "data": ["data"],
        "overview": ["overview"],
        "thumbnail": ["thumbnail"],
    }
    assert item["assets"]["data"]["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"


def test_the_cog_has_its_size_and_a_multihash() -> None:
    data = _item()["assets"]["data"]
    assert data["file:size"] == 20
    assert data["file:checksum"] == "1220" + "ab" * 32


def test_it_names_the_source_by_version_and_content() -> None:
    derived = next(link for link in _item()["links"] if link["rel"] == "derived_from")
    assert derived["href"] == "https://account.example.com/bronze/in/a.tif"
    assert derived["geojobs:etag"] == '"0x1"'
    assert derived["file:checksum"] == "1220" + "cd" * 32


def test_it_tells_how_it_was_made() -> None:
    properties = _item()["properties"]
    assert set(properties["processing:software"]) == {"geojobs", "GDAL"}
    assert ORIGIN.job_id in properties["processing:lineage"]
    made = properties["processing:expression"]["expression"]
    assert (made["job_id"], made["run"]) == (ORIGIN.job_id, 2)
    assert made["options"]["profile"] == "lossless"


def test_a_comparison_is_told_where_there_is_one() -> None:
    compared = PixelComparison(equal=True, largest_difference=0, mean_difference=0)
    item = _item(checked().model_copy(update={"comparison": compared}))
    assert item["properties"]["processing:expression"]["expression"]["comparison"]["equal"] is True


def test_a_band_has_type_nodata_and_statistics() -> None:
    (band,) = _item()["assets"]["data"]["bands"]
    assert band == {
        "name": "b1",
        "data_type": "int16",
        "nodata": -9999.0,
        "statistics": {"minimum": 0.0, "maximum": 9.0, "mean": 4.5, "stddev": 1.0, "valid_percent": 100.0},
    }


def test_a_band_has_scale_offset_unit_and_description_where_told() -> None:
    told = {"scales": (0.1,), "offsets": (-3.0,), "units": ("m",), "names": ("height",), "bits": 12}
    (band,) = _item(_with(told))["assets"]["data"]["bands"]
    assert (band["name"], band["description"], band["unit"]) == ("height", "height", "m")
    assert (band["raster:scale"], band["raster:offset"], band["raster:bits_per_sample"]) == (0.1, -3.0, 12)


def test_nodata_may_be_no_number() -> None:
    (band,) = _item(_with(encoding={"nodata": "nan", "dtype": "float32"}))["assets"]["data"]["bands"]
    assert band["nodata"] == "nan"


def test_a_band_without_valid_pixels_has_no_values() -> None:
    empty = BandStatistics(minimum=None, maximum=None, mean=None, stddev=None, valid_percent=0.0)
    (band,) = _item(checked().model_copy(update={"bands": (empty,)}))["assets"]["data"]["bands"]
    assert band["statistics"] == {"valid_percent": 0.0}


@pytest.mark.parametrize(
    ("names", "colors", "expected"),
    [
        (("B4", "B3", "B2"), ("red", "green", "blue"), ["B4", "B3", "B2"]),
        ((None, None, None), ("red", "green", "blue"), ["red", "green", "blue"]),
        (("a", "a", None), ("gray", "undefined", "undefined"), ["b1", "b2", "b3"]),
    ],
)
def test_each_band_has_a_name_of_its_own(
    names: tuple[str | None, ...], colors: tuple[str, ...], expected: list[str]
) -> None:
    three = {
        "count": 3,
        "names": names,
        "color_interpretation": colors,
        "scales": (1.0,) * 3,
        "offsets": (0.0,) * 3,
        "units": (None,) * 3,
    }
    validated = _with(three, {"count": 3})
    bands = _item(validated.model_copy(update={"bands": validated.bands * 3}))["assets"]["data"]["bands"]
    assert [band["name"] for band in bands] == expected


def test_a_picture_is_visual() -> None:
    plan = planned()
    options = plan.options.model_copy(update={"profile": OutputProfile.VISUAL})
    item = _item(checked(plan.model_copy(update={"options": options})))
    assert item["assets"]["data"]["roles"] == ["data", "visual"]


def test_across_the_antimeridian_west_is_greater_than_east() -> None:
    validated = checked()
    left = [[[179.0, 0.0], [180.0, 0.0], [180.0, 1.0], [179.0, 1.0], [179.0, 0.0]]]
    right = [[[-180.0, 0.0], [-179.0, 0.0], [-179.0, 1.0], [-180.0, 1.0], [-180.0, 0.0]]]
    place = validated.place.model_copy(
        update={
            "footprint": {"type": "MultiPolygon", "coordinates": [left, right]},
            "bbox": (179.0, 0.0, -179.0, 1.0),
        }
    )
    assert _item(validated.model_copy(update={"place": place}))["bbox"] == [179.0, 0.0, -179.0, 1.0]


def test_the_same_cog_makes_the_same_item() -> None:
    assert canonical_json(_item()) == canonical_json(_item())
