"""Statistics of a band's pixels, gathered a window at a time."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schema.contracts.process_raster import BandStatistics

_COUNTED_BYTES = 2


@dataclass
class BandTally:
    """What is known of the pixels seen so far, without keeping any.

    Mean and sum of squared differences are merged as by Chan, Golub and LeVeque (1979), which stays exact to
    rounding where sums of squares would not.
    """

    pixels: int = 0
    count: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0

    def add(self, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
        """Count a window's pixels; those that are not valid, NaN or infinite are only counted as pixels."""
        self.pixels += values.size
        if values.dtype.kind == "f":
            valid = valid & np.isfinite(values)
        known = values.ravel() if valid.all() else values[valid]
        if not known.size:
            return
        low, high = known.min(), known.max()
        self.minimum = min(self.minimum, float(low))
        self.maximum = max(self.maximum, float(high))
        if known.dtype.kind in "iu" and known.dtype.itemsize <= _COUNTED_BYTES:
            self._merge(known.size, *_counted(known, int(low), int(high)))
        else:
            self._merge(known.size, *_summed(known.astype(np.float64, copy=False)))

    def _merge(self, added: int, mean: float, squares: float) -> None:
        total, distance = self.count + added, mean - self.mean
        self.squares += squares + distance**2 * self.count * added / total
        self.mean += distance * added / total
        self.count = total

    def result(self) -> BandStatistics:
        """The statistics of all that was added; the standard deviation is that of the population."""
        if not self.count:
            return BandStatistics(minimum=None, maximum=None, mean=None, stddev=None, valid_percent=0.0)
        return BandStatistics(
            count=self.count,
            minimum=self.minimum,
            maximum=self.maximum,
            mean=_finite(self.mean),
            stddev=_finite(math.sqrt(self.squares / self.count)),
            valid_percent=100.0 * self.count / self.pixels,
        )


def _counted(known: npt.NDArray[Any], low: int, high: int) -> tuple[float, float]:
    """Mean and squares of integers of few bits, from how often each occurs: several times as fast as sums."""
    counts = np.bincount(known.astype(np.intp) - low)
    numbers = np.arange(low, high + 1, dtype=np.float64)
    mean = float(counts @ numbers) / known.size
    return mean, float(counts @ np.square(numbers - mean))


def _summed(known: npt.NDArray[np.float64]) -> tuple[float, float]:
    mean = float(known.mean())
    return mean, float(np.square(known - mean).sum())


def _finite(value: float) -> float | None:
    """``None`` where the values are so large that no double holds what is made of them."""
    return value if math.isfinite(value) else None
