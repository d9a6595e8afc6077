"""Overviews made of pieces are those of the whole, and every mean is the exact one, rounded half to even."""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.raster.reducing import Method, reduce

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]


@st.composite
def rasters(draw: st.DrawFn, longest: int = 21) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None, Any]:
    """Pixels, a mask or none, and nodata that occurs or none."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.integers(1, 2)), draw(st.integers(1, longest)), draw(st.integers(1, longest))
    random = np.random.default_rng(draw(st.integers(0, 1_000)))
    if dtype.kind == "f":
        pixels = random.integers(-4, 4, shape).astype(dtype)
        nodata = draw(st.sampled_from([None, 2.0, "nan", "inf", "-inf"]))
        if nodata is not None:
            pixels[random.random(shape) < 0.4] = float(nodata)
    else:
        limits = np.iinfo(dtype)
        lowest = int(draw(st.sampled_from([limits.min, limits.max - 5, max(limits.min, -3)])))
        pixels = random.integers(lowest, lowest + 6, shape, dtype=dtype)
        nodata = draw(st.sampled_from([None, float(lowest + 2), -99999.0]))
    mask = random.random(shape[1:]) < 0.7 if draw(st.booleans()) else None
    return pixels, mask, nodata


@given(rasters(), st.sampled_from(["average", "nearest"]), st.integers(1, 2))
def test_reducing_pieces_gives_the_reduced_whole(made: Any, method: Method, halvings: int) -> None:
    pixels, mask, nodata = made
    side = 4 << halvings
    whole, whole_mask = pixels, mask
    for _ in range(halvings):
        whole, whole_mask = reduce(whole, whole_mask, nodata, method)
    for top in range(0, pixels.shape[1], side):
        for left in range(0, pixels.shape[2], side):
            place = np.s_[top : top + side, left : left + side]
            piece, piece_mask = pixels[:, *place], None if mask is None else mask[place]
            for _ in range(halvings):
                piece, piece_mask = reduce(piece, piece_mask, nodata, method)
            small = np.s_[top >> halvings :, left >> halvings :]
            expected = whole[:, *small][:, : piece.shape[1], : piece.shape[2]]
            np.testing.assert_array_equal(piece, expected)
            if whole_mask is not None and piece_mask is not None:
                expected_mask = whole_mask[small][: piece.shape[1], : piece.shape[2]]
                np.testing.assert_array_equal(piece_mask, expected_mask)


@given(rasters(longest=5))
def test_a_mean_is_that_of_the_valid_pixels(made: Any) -> None:
    pixels, mask, nodata = made
    small, _ = reduce(pixels, mask, nodata, "average")
    for band, row, column in np.ndindex(small.shape):
        place = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        four = pixels[band][place].ravel()
        kept = np.ones(four.shape, np.bool_) if mask is None else mask[place].ravel()
        values = [value.item() for value, keep in zip(four, kept, strict=True) if keep]
        values = [value for value in values if value == value and not _is(value, nodata)]  # noqa: PLR0124
        found = small[band, row, column]
        if not values:
            assert _is_filling(found, nodata, pixels.dtype)
        elif pixels.dtype.kind == "f":
            assert _beside(found, pixels.dtype.type(np.mean(values)), nodata)
        else:
            exact = round(sum(map(Fraction, values)) / len(values))
            assert _beside(int(found), exact, nodata)


def _is(value: float, nodata: Any) -> bool:
    return nodata is not None and value == float(nodata)


def _is_filling(found: Any, nodata: Any, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return bool(np.isnan(found)) if nodata in (None, "nan") else found == float(nodata)
    limits = np.iinfo(dtype)
    held = nodata is not None and limits.min <= nodata <= limits.max
    return bool(found == (nodata if held else 0))


def _beside(found: Any, exact: Any, nodata: Any) -> bool:
    """Equal, or next to it where the mean itself looks like nodata."""
    if _is(exact, nodata):
        return found != exact and abs(float(found) - exact) <= 1
    return bool(found == exact)


@pytest.mark.parametrize(("four", "mean"), [([0, 0, 0, 2], 0), ([1, 1, 1, 3], 2), ([-1, -1, -1, -3], -2)])
def test_halves_are_rounded_to_even(four: list[int], mean: int) -> None:
    small, _ = reduce(np.array(four, np.int16).reshape(1, 2, 2), None, None, "average")
    assert small.item() == mean
