"""The pixels of a COG against those of its source, where they were not resampled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schema.contracts.process_raster import PixelComparison
from schema.contracts.rasters import Encoding

JPEG_MEAN_DIFFERENCE = 12.0
"""How far the pixels of JPEG may lie from the source's on average, of 255. Photographs keep within 3;
another picture is beyond, and so is what has no two pixels alike, as colours are stored at half resolution:
noise in RGB came to 35, which nobody would call the same picture either."""


@dataclass
class Comparison:
    """Differences over the valid pixels seen so far; ``misplaced`` are those that became valid or not.

    A pixel may be valid by band in the source and by one mask in the COG: it must not be invalid where the
    source is valid in all bands, nor valid where the source is so in none.
    """

    compared: int = 0
    total: float = 0.0
    largest: float = 0.0
    different: int = 0
    misplaced: int = 0

    def add(
        self,
        made: npt.NDArray[Any],
        made_valid: npt.NDArray[np.bool_],
        source: npt.NDArray[Any],
        source_valid: npt.NDArray[np.bool_],
    ) -> None:
        """Compare a window; all arrays are of shape ``(bands, rows, columns)``."""
        lost = source_valid.all(axis=0) & ~made_valid.all(axis=0)
        gained = made_valid.any(axis=0) & ~source_valid.any(axis=0)
        self.misplaced += int(np.count_nonzero(lost | gained))
        for band in range(len(made)):
            both = made_valid[band] & source_valid[band]
            self._compare(made[band][both], source[band][both])

    def _compare(self, made: npt.NDArray[Any], source: npt.NDArray[Any]) -> None:
        self.compared += made.size
        unequal = made != source
        count = int(np.count_nonzero(unequal))
        if not count:
            return
        self.different += count
        distances = np.abs(made[unequal].astype(np.float64) - source[unequal].astype(np.float64))
        finite = distances[np.isfinite(distances)]
        self.total += float(finite.sum())
        self.largest = max(self.largest, float(finite.max(initial=0.0)))

    def result(self) -> PixelComparison:
        return PixelComparison(
            equal=not self.different and not self.misplaced,
            largest_difference=self.largest,
            mean_difference=self.total / self.compared if self.compared else 0.0,
        )

    def fault(self, encoding: Encoding) -> tuple[str, str] | None:
        """What was expected and what was found, where the COG is not what its encoding promises."""
        if self.misplaced:
            return "the source's valid pixels", f"{self.misplaced} that became valid or invalid"
        if encoding.compression == "JPEG":
            mean = self.result().mean_difference
            if mean <= JPEG_MEAN_DIFFERENCE:
                return None
            return f"a mean difference of at most {JPEG_MEAN_DIFFERENCE:g}", f"{mean:.1f}"
        if self.different:
            return "the source's pixels", f"{self.different} that differ, by {self.largest:g} at most"
        return None
