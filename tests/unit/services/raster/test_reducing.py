"""What overviews make of masks, alpha and classes."""

import numpy as np
import pytest

from services.raster.reducing import reduce


def test_nearest_takes_the_upper_left_pixel_and_its_mask() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    mask = np.array([[True, False, False, True], [True] * 4, [False, True, True, False]])
    small, small_mask = reduce(pixels, mask, None, "nearest")
    assert small.tolist() == [[[0, 2], [8, 10]]]
    assert small_mask is not None
    assert small_mask.tolist() == [[True, False], [False, True]]


def test_a_pixel_is_valid_where_one_of_the_four_is() -> None:
    mask = np.zeros((2, 4), np.bool_)
    mask[1, 1] = True
    pixels = np.array([[[9, 9, 9, 9], [9, 5, 9, 9]]], np.uint8)
    small, small_mask = reduce(pixels, mask, None, "average")
    assert small_mask is not None
    assert (small.tolist(), small_mask.tolist()) == ([[[5, 0]]], [[True, False]])


def test_transparent_pixels_do_not_darken_the_colors_beside_them() -> None:
    color, alpha = [[200, 0], [200, 0]], [[255, 0], [255, 0]]
    small, _ = reduce(np.array([color, alpha], np.uint8), None, None, "average", alpha=1)
    assert small.ravel().tolist() == [200, 128]


@pytest.mark.parametrize("nodata", [0, 64, 255])
def test_nodata_is_no_value_of_alpha(nodata: int) -> None:
    color, alpha = [[200, 9], [9, 9]], [[255, 0], [0, 0]]
    small, _ = reduce(np.array([color, alpha], np.uint8), None, nodata, "average", alpha=1)
    assert small.ravel().tolist() == [200, 64]


def test_a_mean_that_looks_like_nodata_becomes_its_neighbour() -> None:
    pixels = np.array([[[-1, 1], [-1, 1]]], np.int16)
    assert reduce(pixels, None, 0, "average")[0].item() == 1


def test_a_single_pixel_is_its_own_overview() -> None:
    assert reduce(np.full((1, 1, 1), 7, np.uint16), None, None, "average")[0].tolist() == [[[7]]]


def test_infinity_that_is_nodata_does_not_count() -> None:
    pixels = np.array([[[np.inf, 2], [4, np.inf]]], np.float32)
    assert reduce(pixels, None, "inf", "average")[0].item() == 3


def test_stripes_of_a_tall_raster_leave_no_seam() -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (1, 3_001, 700), np.uint8)
    exact = pixels[0, :3_000].reshape(1_500, 2, 350, 2).astype(np.float64).mean((1, 3))
    np.testing.assert_array_equal(reduce(pixels, None, None, "average")[0][0, :1_500], np.rint(exact))
