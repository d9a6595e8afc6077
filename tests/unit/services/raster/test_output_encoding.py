"""How outputs are stored and say which pixels are valid."""

from typing import Any

import pytest

from schema.contracts.rasters import Encoding, MaskKind, RasterOptions
from schema.errors import PermanentTaskError
from services.raster.output_encoding import encoding_of
from tests.support.raster_headers import description

RGB = ("red", "green", "blue")


def encoding(
    facts: dict[str, Any], *, warped: bool = False, classes: bool = False, **options: Any
) -> Encoding:
    wanted = RasterOptions.model_validate(options)
    return encoding_of(description(**facts), wanted, warped=warped, categorical=classes)


def code_of(facts: dict[str, Any], *, classes: bool = False, **options: Any) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        encoding(facts, classes=classes, **options)
    return caught.value.error_code


@pytest.mark.parametrize(
    ("dtype", "classes", "predictor"),
    [
        ("uint8", False, 2),
        ("uint8", True, 1),
        ("uint16", True, 2),
        ("float32", False, 3),
        ("float64", False, 3),
    ],
)
def test_the_predictor_follows_from_the_type(dtype: str, classes: bool, predictor: int) -> None:
    assert encoding({"dtype": dtype}, classes=classes).predictor == predictor


@pytest.mark.parametrize("profile", ["visual", "web"])
@pytest.mark.parametrize("bands", [1, 3])
def test_pictures_become_jpeg(profile: str, bands: int) -> None:
    made = encoding({"count": bands, "color_interpretation": RGB[:bands]}, profile=profile)
    assert (made.compression, made.count, made.mask) == ("JPEG", bands, False)
    assert made.quality is not None
    assert 85 <= made.quality <= 90


def test_alpha_becomes_the_mask_of_a_jpeg() -> None:
    facts = {"count": 4, "color_interpretation": (*RGB, "alpha"), "mask": MaskKind.ALPHA}
    made = encoding(facts, profile="visual")
    assert (made.count, made.mask, made.drop_alpha) == (3, True, True)


def test_alpha_stays_a_band_without_loss() -> None:
    facts = {"count": 4, "color_interpretation": (*RGB, "alpha"), "mask": MaskKind.ALPHA}
    made = encoding(facts, warped=True)
    assert (made.count, made.mask, made.drop_alpha, made.nodata) == (4, False, False, None)


def test_nodata_becomes_the_mask_of_a_jpeg() -> None:
    made = encoding({"nodata": 0, "mask": MaskKind.NODATA}, profile="visual")
    assert (made.nodata, made.mask) == (None, True)


@pytest.mark.parametrize(
    "facts", [{"dtype": "uint16"}, {"dtype": "float32"}, {"count": 4}, {"has_color_table": True}]
)
def test_what_is_no_picture_is_refused_by_visual_and_kept_without_loss_by_web(facts: dict[str, Any]) -> None:
    assert code_of(facts, profile="visual") == "RASTER_PROFILE_UNSUITABLE"
    assert encoding(facts, profile="web").compression == "DEFLATE"


def test_classes_are_no_picture() -> None:
    assert code_of({}, classes=True, profile="visual") == "RASTER_PROFILE_UNSUITABLE"


@pytest.mark.parametrize(
    ("facts", "nodata", "mask"),
    [
        ({"dtype": "float32"}, "nan", False),
        ({"dtype": "float32", "nodata": -9999, "mask": MaskKind.NODATA}, -9999, False),
        ({"dtype": "float32", "mask": MaskKind.INTERNAL}, None, True),
        ({"dtype": "int16"}, None, True),
        ({"dtype": "int16", "nodata": -32768, "mask": MaskKind.NODATA}, -32768, False),
        ({"has_color_table": True}, None, True),
        ({"nodata": 300, "mask": MaskKind.NODATA}, None, True),
    ],
)
def test_what_a_warp_leaves_empty_has_a_sign(facts: dict[str, Any], nodata: Any, mask: bool) -> None:
    made = encoding(facts, warped=True)
    assert (made.nodata, made.mask) == (nodata, mask)


def test_nothing_is_added_where_pixels_stay() -> None:
    made = encoding({"dtype": "float32"})
    assert (made.nodata, made.mask) == (None, False)


def test_an_internal_mask_stays_beside_nodata() -> None:
    made = encoding({"nodata": 0, "mask": MaskKind.INTERNAL})
    assert (made.nodata, made.mask) == (0, True)


def test_the_users_nodata_goes_before_the_rasters_own() -> None:
    assert encoding({"nodata": 0, "mask": MaskKind.NODATA}, nodata=255).nodata == 255


@pytest.mark.parametrize("nodata", [256, -1, 0.5, "nan"])
def test_the_users_nodata_must_be_a_value_of_the_type(nodata: Any) -> None:
    assert code_of({}, nodata=nodata) == "RASTER_NODATA_UNREPRESENTABLE"


def test_a_nodata_of_the_rasters_own_that_no_pixel_can_have_is_dropped() -> None:
    assert encoding({"nodata": -9999, "mask": MaskKind.NODATA}).nodata is None
