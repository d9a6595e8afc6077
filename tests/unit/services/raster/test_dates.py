"""Times of acquisition in tags and names."""

from datetime import UTC, datetime

import pytest

from services.raster.dates import from_name, from_tags, written


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S2A_MSIL2A_20200106T103421_N0213.tif", datetime(2020, 1, 6, 10, 34, 21, tzinfo=UTC)),
        ("LC08_L2SP_017036_20130419_20200912_02_T1_SR_B4.TIF", datetime(2013, 4, 19, tzinfo=UTC)),
        ("m_4112001_sw_10_060_20220716.tif", datetime(2022, 7, 16, tzinfo=UTC)),
        ("dem-2024-05-01.tif", datetime(2024, 5, 1, tzinfo=UTC)),
        ("20240501103000.tif", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("MOD13Q1.A2019123.h09v05.tif", datetime(2019, 5, 3, tzinfo=UTC)),
        ("2024/05/20240502/b4.tif", datetime(2024, 5, 2, tzinfo=UTC)),
        ("20230101/scene_20240502.tif", datetime(2024, 5, 2, tzinfo=UTC)),
    ],
)
def test_dates_in_names_are_found(name: str, expected: datetime) -> None:
    assert from_name(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "dem.tif",
        "worldcover_2021_N00E006.tif",
        "20241301.tif",
        "19491231.tif",
        "123456789.tif",
        "2024-05.tif",
        "21010101.tif",
        "2023366.tif",
        "h2019123x.tif",
    ],
)
def test_what_is_no_date_is_not_taken_for_one(name: str) -> None:
    assert from_name(name) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2007-08-30 11:34:56", datetime(2007, 8, 30, 11, 34, 56, tzinfo=UTC)),
        ("2021-01-01T00:00:00Z", datetime(2021, 1, 1, tzinfo=UTC)),
        ("2021-01-01T00:00:00.123456+02:00", datetime(2020, 12, 31, 22, tzinfo=UTC)),
        ("2020-01-06", datetime(2020, 1, 6, tzinfo=UTC)),
        ("2018:07:16 06:06:23", datetime(2018, 7, 16, 6, 6, 23, tzinfo=UTC)),
        ("yesterday", None),
        ("2020-13-06", None),
    ],
)
def test_times_in_tags_are_read_as_utc(text: str, expected: datetime | None) -> None:
    assert from_tags([{"ACQUISITIONDATETIME": text}]) == expected


def test_the_acquisition_goes_before_a_plain_date_in_whatever_domain() -> None:
    found = from_tags([{"DATE": "2020-01-06"}, {"AcquisitionDateTime": "2019-01-01 00:00:00"}])
    assert found == datetime(2019, 1, 1, tzinfo=UTC)


def test_a_tag_that_makes_no_sense_leaves_the_word_to_the_next() -> None:
    assert from_tags([{"SENSING_TIME": "?", "DATE": "2020-01-06"}]) == datetime(2020, 1, 6, tzinfo=UTC)


def test_when_the_file_was_made_is_no_acquisition() -> None:
    tags = {"TIFFTAG_DATETIME": "2018:07:16 06:06:23"}
    assert from_tags([tags]) is None
    assert written(tags) == datetime(2018, 7, 16, 6, 6, 23, tzinfo=UTC)
