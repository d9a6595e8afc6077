"""What the work on a raster takes: memory, disk, time. Models, with their constants in one place.

Rates were measured on one core of a 2-core machine, with 4,096 x 4,096 pixels of smooth noise: DEFLATE 6 with
a predictor wrote 19 (RGB) to 85 MB/s (float32) and JPEG 150, both were read at 300; warps from UTM to
a Lambert projection made 49 (nearest), 19 (bilinear, average) and 14 (cubic) million pixels a second.
A child took 0.4 s to start and describe a raster.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from interfaces.sandbox import Limits
from schema.contracts.rasters import BLOCK, Chunking, Encoding, Grid, RasterEstimate, ResamplingMethod
from services.raster.numbers import itemsize

MEMORY_BUDGET = 1_000_000_000
"""What a child should need at most, in bytes; it is killed at 1.2 GB."""

DISK_BUDGET = Limits.disk_bytes
"""What may lie in the folder of a child, in bytes."""

_BASE_MEMORY = 250_000_000
_COPIES = 3.8
"""Of a chunk's pixels: 134 MB of noise, 128 bands of float32, took 0.76 GB, and 199 MB took 1.0 GB."""

_COPIES_IN_ONE_PASS = 2.2
"""More than it takes, as it works on windows of the raster."""

_WINDOW_MARGIN = 1.5
_WITH_OVERVIEWS = 4 / 3
_WITH_FIRST_OVERVIEW = 5 / 3

_READ = 250e6
_WRITE: Mapping[str, float] = {"DEFLATE": 40e6, "JPEG": 120e6}
_WARP: Mapping[ResamplingMethod, float] = {
    ResamplingMethod.NEAREST: 40e6,
    ResamplingMethod.BILINEAR: 17e6,
    ResamplingMethod.CUBIC: 13e6,
    ResamplingMethod.AVERAGE: 17e6,
    ResamplingMethod.MODE: 12e6,
}
_CHILD_START = 0.5
_OTHER_CHILDREN = 4


@dataclass(frozen=True)
class Work:
    """What is to be made: the output and how many pixels of the source lie behind one of its own."""

    source: Grid
    grid: Grid
    encoding: Encoding
    warped: bool
    resampling: ResamplingMethod

    @property
    def bytes_per_pixel(self) -> int:
        """Of all bands, and the mask."""
        return self.encoding.count * itemsize(self.encoding.dtype) + int(self.encoding.mask)

    @property
    def pixel_bytes(self) -> int:
        return self.grid.width * self.grid.height * self.bytes_per_pixel

    def bytes_of(self, width: int, height: int) -> int:
        """Bytes of the pixels of a chunk of this size, at the edge of the grid filled up to whole tiles."""
        columns, rows = (
            -(-min(side) // BLOCK) for side in ((width, self.grid.width), (height, self.grid.height))
        )
        return columns * rows * BLOCK**2 * self.bytes_per_pixel

    def memory_of(self, chunking: Chunking | None) -> int:
        """The peak of the process that makes a chunk, or all in one pass: Python, GDAL and its caches; the
        pixels, as read and as they are reduced and compressed; for a warp, one band as floats on both
        grids."""
        if chunking is None:
            return self._memory_of(self.grid.width, self.grid.height, _COPIES_IN_ONE_PASS * self.pixel_bytes)
        pixels = self.bytes_of(chunking.width, chunking.height)
        return self._memory_of(chunking.width, chunking.height, _COPIES * pixels)

    def temporary_of(self, chunking: Chunking | None) -> int:
        """What lies on the disk of one process as if nothing could be compressed: all levels of a chunk
        twice, or in the assembly what all chunks left for the upper overviews, the first of these as tiles
        and as pixels, and a third of that for the others."""
        if chunking is None:
            return round(2 * _WITH_OVERVIEWS * self.bytes_of(self.grid.width, self.grid.height))
        made = 2 * _WITH_OVERVIEWS * self.bytes_of(chunking.width, chunking.height)
        left = _WITH_FIRST_OVERVIEW * self.pixel_bytes / 4**chunking.levels
        return round(max(made, left))

    def _memory_of(self, width: int, height: int, copies: float) -> int:
        if not self.warped:
            return round(_BASE_MEMORY + copies)
        made = min(width, self.grid.width) * min(height, self.grid.height)
        ratio = self.source.width * self.source.height / (self.grid.width * self.grid.height)
        read = min(made * ratio * _WINDOW_MARGIN, self.source.width * self.source.height)
        floats = max(4, itemsize(self.encoding.dtype))
        return round(_BASE_MEMORY + copies + (made + read) * floats)


def estimated(work: Work, chunking: Chunking | None) -> RasterEstimate:
    children = 1 if chunking is None else chunking.count
    return RasterEstimate(
        pixel_bytes=work.pixel_bytes,
        memory_bytes=work.memory_of(chunking),
        temporary_bytes=work.temporary_of(chunking),
        seconds=round(_seconds(work, children), 1),
    )


def _seconds(work: Work, children: int) -> float:
    """Read and write once, read the output again to check it, and start the children."""
    source_bytes = work.source.width * work.source.height * work.bytes_per_pixel
    warp = (
        work.grid.width * work.grid.height * work.encoding.count / _WARP[work.resampling]
        if work.warped
        else 0
    )
    written = _WITH_OVERVIEWS * work.pixel_bytes
    moved = source_bytes / _READ + written / _WRITE[work.encoding.compression] + written / _READ
    return moved + warp + _CHILD_START * (children + _OTHER_CHILDREN)
