"""Kinds of data, and how they are resampled."""

from typing import Any

import pytest

from schema.contracts.rasters import RasterOptions, ResamplingMethod
from services.raster.resampling import is_categorical, resampling_of
from tests.support.raster_headers import description

RGB = {"count": 3, "color_interpretation": ("red", "green", "blue")}


def categorical(facts: dict[str, Any], blob: str = "a.tif", **options: Any) -> bool:
    return is_categorical(description(**facts), RasterOptions.model_validate(options), blob)


@pytest.mark.parametrize("facts", [{"has_color_table": True}, {"bits": 1}, {"names": ("Cloud mask",)}])
def test_colour_tables_bits_and_words_stand_for_classes(facts: dict[str, Any]) -> None:
    assert categorical(facts)


@pytest.mark.parametrize("blob", ["2024/LC08_QA_PIXEL.TIF", "S2_SCL_20m.jp2", "landcover-2020.tif"])
def test_names_of_blobs_stand_for_classes(blob: str) -> None:
    assert categorical({"dtype": "uint16"}, blob)


@pytest.mark.parametrize("blob", ["qa/red.tif", "aqua.tif", "glass.tif", "landsat8_sr_b4.tif"])
def test_other_names_do_not(blob: str) -> None:
    assert not categorical({"dtype": "uint16"}, blob)


def test_floats_are_never_classes_by_their_name() -> None:
    assert not categorical({"dtype": "float32"}, "class_probability.tif")


@pytest.mark.parametrize("wanted", [True, False])
def test_the_user_has_the_last_word(wanted: bool) -> None:
    assert categorical({"has_color_table": not wanted}, categorical=wanted) is wanted


@pytest.mark.parametrize(
    ("facts", "shrinking", "classes", "expected"),
    [
        ({"dtype": "float32"}, 1.0, False, "bilinear"),
        ({"dtype": "uint16", **RGB}, 1.0, False, "bilinear"),
        (RGB, 1.0, False, "cubic"),
        (RGB, 2.0, False, "average"),
        ({"dtype": "float32"}, 1.5, False, "bilinear"),
        ({"dtype": "float32"}, 1.6, False, "average"),
        ({}, 4.0, True, "nearest"),
    ],
)
def test_resampling_follows_from_the_data(
    facts: dict[str, Any], shrinking: float, classes: bool, expected: str
) -> None:
    found = resampling_of(description(**facts), RasterOptions(), shrinking, categorical=classes)
    assert found == expected


def test_the_users_resampling_is_taken() -> None:
    options = RasterOptions(resampling=ResamplingMethod.MODE)
    assert resampling_of(description(), options, 1.0, categorical=False) is ResamplingMethod.MODE
