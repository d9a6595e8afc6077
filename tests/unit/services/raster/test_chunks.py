"""One pass or chunks, and their shapes."""

from typing import Any

import pytest

from schema.contracts.rasters import Chunking, RasterPlan
from schema.errors import PermanentTaskError
from services.raster.chunks import levels_of, overviews_of
from tests.support.raster_headers import description, grid, plan


def chunking(made: RasterPlan) -> Chunking:
    assert made.chunking is not None
    return made.chunking


def code_of(*arguments: Any, **options: Any) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        plan(*arguments, **options)
    return caught.value.error_code


@pytest.mark.parametrize(
    ("side", "expected"), [(1, 0), (512, 0), (513, 1), (1024, 1), (1025, 2), (36_000, 7)]
)
def test_overviews_are_made_until_one_tile_holds_all(side: int, expected: int) -> None:
    assert overviews_of(grid(side, 1)) == overviews_of(grid(1, side)) == expected


@pytest.mark.parametrize(
    ("width", "height", "overviews", "expected"),
    [(4096, 4096, 9, 3), (4096, 4096, 2, 2), (512, 512, 9, 0), (3072, 1024, 9, 1), (16384, 16384, 9, 3)],
)
def test_chunks_make_the_levels_that_divide_them(
    width: int, height: int, overviews: int, expected: int
) -> None:
    assert levels_of(width, height, overviews) == expected


def test_up_to_four_chunks_are_one_pass() -> None:
    assert plan(description(8192, 8192)).chunking is None
    assert chunking(plan(description(8192, 8193))).count == 6


def test_a_small_chunk_size_sends_small_rasters_by_chunks() -> None:
    made = chunking(plan(description(1_100, 1_000), chunk_size=512))
    assert (made.width, made.height, made.levels, made.columns, made.rows) == (512, 512, 0, 3, 2)


def test_much_per_pixel_is_no_one_pass() -> None:
    assert plan(description(8_000, 8_000, dtype="float64")).chunking is not None


def test_chunks_are_halved_until_they_fit() -> None:
    made = chunking(plan(description(30_000, 20_000, count=8, dtype="float64")))
    assert (made.width, made.height, made.levels) == (1024, 1024, 1)


def test_strips_are_cut_into_wide_flat_chunks() -> None:
    made = chunking(plan(description(20_000, 20_000, block=(1, 20_000))))
    assert (made.width, made.height, made.levels, made.columns, made.rows) == (20_480, 2048, 2, 1, 10)


def test_strips_of_much_per_pixel_make_flatter_chunks() -> None:
    made = chunking(plan(description(20_000, 20_000, block=(1, 20_000), dtype="float64")))
    assert (made.width, made.height, made.levels) == (20_480, 1024, 1)


def test_strips_too_wide_for_one_chunk_are_cut_into_a_few() -> None:
    made = chunking(plan(description(100_000, 20_000, block=(1, 100_000), dtype="float64")))
    assert (made.width, made.height, made.levels, made.columns) == (13_312, 1024, 1, 8)


def test_a_few_long_strips_are_chunks_that_fit_as_whole_tiles() -> None:
    made = plan(description(1_300_000, 52, block=(1, 1_300_000)))
    assert chunking(made).columns == 4
    assert chunking(made).width * 512 <= 200_000_000
    assert made.estimate.memory_bytes <= 1_000_000_000


@pytest.mark.parametrize(("width", "height"), [(70_000, 90_000), (140_000, 60_000)])
def test_wide_strips_are_halved_rather_than_left_to_the_assembly(width: int, height: int) -> None:
    made = plan(description(width, height, count=3, block=(1, width)))
    assert chunking(made).levels == 1
    assert chunking(made).columns <= 4
    assert made.estimate.temporary_bytes <= 20_000_000_000


def test_chunks_that_leave_much_to_the_assembly_are_made_larger() -> None:
    made = chunking(plan(description(100_000, 25_000, count=8), chunk_size=512))
    assert (made.width, made.levels) == (1024, 1)


@pytest.mark.parametrize(("side", "count", "dtype"), [(8_000, 224, "int16"), (9_000, 60, "float64")])
def test_what_leaves_the_assembly_more_than_its_disk_is_refused(side: int, count: int, dtype: str) -> None:
    source = description(side, side, count=count, dtype=dtype)
    assert code_of(source) == "RASTER_TOO_LARGE_TO_ASSEMBLE"


def test_no_chunk_of_the_most_bands_takes_too_much_memory() -> None:
    made = plan(description(2_000, 2_000, count=128, dtype="float32"))
    assert chunking(made).count == 16
    assert made.estimate.memory_bytes <= 1_000_000_000


def test_too_many_chunks_are_made_larger() -> None:
    made = chunking(plan(description(100_000, 100_000), chunk_size=512))
    assert made.count <= 10_000
    assert made.width == 1024


def test_a_warp_counts_what_it_reads() -> None:
    shrunk = plan(description(40_000, 40_000, dtype="float32"), grid(8_000, 8_000, 50.0))
    assert chunking(shrunk).width < 4096
    assert shrunk.estimate.memory_bytes <= 1_000_000_000


def test_a_warp_that_shrinks_too_much_is_refused() -> None:
    source = description(100_000, 100_000, dtype="float32")
    assert code_of(source, grid(1_000, 1_000, 1_000.0)) == "RASTER_SHRINKS_TOO_MUCH"


def placed_by_points(side: int) -> Any:
    return description(side, side, grid=grid(side, side, crs=None), gcps=10)


def test_what_points_place_is_warped_in_one_pass_whatever_the_chunk_size() -> None:
    assert plan(placed_by_points(2_000), grid(2_000, 2_000), chunk_size=512).chunking is None


def test_what_points_place_is_refused_where_one_pass_is_not_enough() -> None:
    assert code_of(placed_by_points(20_000), grid(20_000, 20_000)) == "RASTER_TOO_LARGE_TO_WARP"


def test_what_points_place_goes_by_chunks_where_pixels_stay() -> None:
    assert chunking(plan(placed_by_points(20_000))).count == 25


def test_an_output_beyond_40_gib_is_refused() -> None:
    assert code_of(description(), grid(210_000, 210_000, 0.02)) == "RASTER_TOO_LARGE"
