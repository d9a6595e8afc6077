"""Statistics of a band's pixels, gathered a window at a time."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schema.contracts.process_raster import BandStatistics


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
        known = values[valid & np.isfinite(values)] if values.dtype.kind == "f" else values[valid]
        if not known.size:
            return
        self.minimum = min(self.minimum, float(known.min()))
        self.maximum = max(self.maximum, float(known.max()))
        self._merge(known.size, known.astype(np.float64, copy=False))

    def _merge(self, added: int, known: npt.NDArray[np.float64]) -> None:
        mean = float(known.mean())
        squares = float(np.square(known - mean).sum())
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


def _finite(value: float) -> float | None:
    """``None`` where the values are so large that no double holds what is made of them."""
    return value if math.isfinite(value) else None
