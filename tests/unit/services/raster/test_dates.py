"""Times of acquisition in tags and names."""

from datetime import UTC, datetime

import pytest

from services.raster.dates import from_name, from_tags, written

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


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
        ("2019/05/01/b4.tif", datetime(2019, 5, 1, tzinfo=UTC)),
        ("20230101/2019/05/01/tiles/b4.tif", datetime(2019, 5, 1, tzinfo=UTC)),
        ("today-20261125.tif", datetime(2026, 11, 25, tzinfo=UTC)),
    ],
)
def test_dates_in_names_are_found(name: str, expected: datetime) -> None:
    assert from_name(name, NOW) == expected


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
        "A2023366.tif",
        "tile_2048256.tif",
        "34-2050300-1.tif",
        "dem/mosaic_2000100.tif",
        "x20991231.tif",
        "20261126.tif",
        "MOD13Q1.A2027001.h09v05.tif",
        "2027/01/01/b4.tif",
        "2019/13/01/b4.tif",
    ],
)
def test_what_is_no_date_is_not_taken_for_one(name: str) -> None:
    assert from_name(name, NOW) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2007-08-30 11:34:56", datetime(2007, 8, 30, 11, 34, 56, tzinfo=UTC)),
        ("2021-01-01T00:00:00Z", datetime(2021, 1, 1, tzinfo=UTC)),
        ("2021-01-01T00:00:00.123456+02:00", datetime(2020, 12, 31, 22, tzinfo=UTC)),
        ("2020-01-06", datetime(2020, 1, 6, tzinfo=UTC)),
        ("2018:07:16 06:06:23", datetime(2018, 7, 16, 6, 6, 23, tzinfo=UTC)),
        ("2024-05-01T10:30Z", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("2024-05-01 10:30:00 UTC", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("20240501103000", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("20240501T103000Z", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("2018:07:16 06:06:23\0", datetime(2018, 7, 16, 6, 6, 23, tzinfo=UTC)),
        ("2024-05-01x", None),
        ("2024-05-01103000", None),
        ("2099-12-31", None),
        ("yesterday", None),
        ("2020-13-06", None),
    ],
)
def test_times_in_tags_are_read_as_utc(text: str, expected: datetime | None) -> None:
    assert from_tags([{"ACQUISITIONDATETIME": text}], NOW) == expected


def test_the_acquisition_goes_before_a_plain_date_in_whatever_domain() -> None:
    found = from_tags([{"DATE": "2020-01-06"}, {"AcquisitionDateTime": "2019-01-01 00:00:00"}], NOW)
    assert found == datetime(2019, 1, 1, tzinfo=UTC)


def test_a_tag_that_makes_no_sense_leaves_the_word_to_the_next() -> None:
    assert from_tags([{"SENSING_TIME": "?", "DATE": "2020-01-06"}], NOW) == datetime(2020, 1, 6, tzinfo=UTC)


def test_when_the_file_was_made_is_no_acquisition() -> None:
    tags = {"TIFFTAG_DATETIME": "2018:07:16 06:06:23"}
    assert from_tags([tags], NOW) is None
    assert written(tags, NOW) == datetime(2018, 7, 16, 6, 6, 23, tzinfo=UTC)


def test_a_tag_in_the_future_leaves_the_word_to_the_next() -> None:
    found = from_tags([{"SENSING_TIME": "2027-01-01", "DATE": "2020-01-06"}], NOW)
    assert found == datetime(2020, 1, 6, tzinfo=UTC)


def test_a_file_made_in_the_future_was_made_at_no_time() -> None:
    assert written({"TIFFTAG_DATETIME": "2080:01:01 00:00:00"}, NOW) is None
