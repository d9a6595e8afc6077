"""Windows cover a raster once and are small whatever its bands."""

import numpy as np
import pytest

from services.raster.windows import windows

SIZES = pytest.mark.parametrize("pixel_bytes", [1, 3, 121, 122, 190 * 4, 256 * 8])


@SIZES
def test_every_pixel_lies_in_one_window(pixel_bytes: int) -> None:
    seen = np.zeros((1_100, 1_300), np.uint8)
    for each in windows(1_300, 1_100, pixel_bytes):
        seen[each.row_off : each.row_off + each.height, each.col_off : each.col_off + each.width] += 1
    assert (seen == 1).all()


@SIZES
def test_no_window_has_more_than_64_mb(pixel_bytes: int) -> None:
    largest = max(each.width * each.height for each in windows(5_000, 5_000, pixel_bytes))
    assert largest * pixel_bytes <= 64_000_000


def test_a_block_is_read_to_its_end_before_the_next() -> None:
    found = [(each.col_off, each.row_off, each.height) for each in windows(1_024, 512, 190 * 4)]
    assert found == [(column, row, 128) for column in (0, 512) for row in (0, 128, 256, 384)]
