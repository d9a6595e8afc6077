"""Statistics gathered by windows are those of the whole."""

import numpy as np
import pytest

from services.raster.statistics import BandTally


def _tally(values: np.ndarray, valid: np.ndarray | None = None, step: int = 7) -> BandTally:
    tally = BandTally()
    known = np.ones(values.shape, bool) if valid is None else valid
    for start in range(0, len(values), step):
        tally.add(values[start : start + step], known[start : start + step])
    return tally


def test_parts_give_what_the_whole_would() -> None:
    values = np.random.default_rng(1).normal(1e9, 0.5, (100, 30))
    found = _tally(values).result()
    assert found.count == 3_000
    assert (found.minimum, found.maximum) == (values.min(), values.max())
    assert found.mean == pytest.approx(values.mean(), rel=1e-15)
    assert found.stddev == pytest.approx(values.std(), rel=1e-6)


def test_pixels_that_are_not_valid_nan_or_infinite_are_left_out() -> None:
    values = np.array([[1.0, np.nan, np.inf, 3.0, 99.0]], "float32")
    found = _tally(values, np.array([[True, True, True, True, False]])).result()
    assert (found.count, found.minimum, found.maximum, found.mean) == (2, 1.0, 3.0, 2.0)
    assert found.valid_percent == 40.0


def test_a_band_without_valid_pixels_has_no_statistics() -> None:
    found = _tally(np.zeros((4, 4), "uint8"), np.zeros((4, 4), bool)).result()
    assert (found.count, found.minimum, found.mean, found.valid_percent) == (0, None, None, 0.0)


def test_small_integers_do_not_overflow() -> None:
    found = _tally(np.full((50, 50), 255, "uint8")).result()
    assert (found.mean, found.stddev) == (255.0, 0.0)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32"])
def test_integers_of_every_size_are_summed_alike(dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.random.default_rng(1).integers(limits.min, limits.max, (70, 40), dtype, endpoint=True)
    found = _tally(values, values % 3 != 0).result()
    known = values[values % 3 != 0]
    assert (found.minimum, found.maximum) == (known.min(), known.max())
    assert found.mean == pytest.approx(known.mean(dtype="float64"), rel=1e-12)
    assert found.stddev == pytest.approx(known.std(dtype="float64"), rel=1e-12)
