"""What the work on a raster takes: memory, disk, time. Models, with their constants in one place.

Rates were measured on one core of a 2-core machine, with 4,096 x 4,096 pixels of smooth noise: DEFLATE 6 with
a predictor wrote 19 (RGB) to 85 MB/s (float32) and JPEG 150, both were read at 300; warps from UTM to
a Lambert projection made 49 (nearest), 19 (bilinear, average) and 14 (cubic) million pixels a second.
A child took 0.4 s to start and describe a raster.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from schema.contracts.rasters import BLOCK, Chunking, Encoding, Grid, RasterEstimate, ResamplingMethod
from services.raster.numbers import itemsize

MEMORY_BUDGET = 1_000_000_000
"""What a child should need at most, in bytes; it is killed at 1.2 GB."""

_BASE_MEMORY = 250_000_000
_COPIES = 2.2
_WINDOW_MARGIN = 1.5
_WITH_OVERVIEWS = 4 / 3

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
        """Bytes of the pixels of a chunk of this size that lie on the grid."""
        return min(width, self.grid.width) * min(height, self.grid.height) * self.bytes_per_pixel

    def memory_of(self, width: int, height: int) -> int:
        """The peak of the process that makes such a chunk: Python, GDAL and its caches; the pixels, as read
        and as they are reduced and compressed; for a warp, one band as floats on both grids."""
        pixels = self.bytes_of(width, height)
        if not self.warped:
            return round(_BASE_MEMORY + _COPIES * pixels)
        made = min(width, self.grid.width) * min(height, self.grid.height)
        ratio = self.source.width * self.source.height / (self.grid.width * self.grid.height)
        read = min(made * ratio * _WINDOW_MARGIN, self.source.width * self.source.height)
        floats = max(4, itemsize(self.encoding.dtype))
        return round(_BASE_MEMORY + _COPIES * pixels + (made + read) * floats)


def estimated(work: Work, chunking: Chunking | None) -> RasterEstimate:
    """``temporary_bytes`` as if nothing could be compressed: the tiles of a chunk twice, or what all chunks
    leave for the upper overviews."""
    if chunking is None:
        width, height, children, left = work.grid.width, work.grid.height, 1, 0
    else:
        width, height, children = chunking.width, chunking.height, chunking.count
        left = work.pixel_bytes // 4**chunking.levels
    return RasterEstimate(
        pixel_bytes=work.pixel_bytes,
        memory_bytes=work.memory_of(width, height),
        temporary_bytes=round(2 * _WITH_OVERVIEWS * max(_padded_bytes(work, width, height), left)),
        seconds=round(_seconds(work, children), 1),
    )


def _padded_bytes(work: Work, width: int, height: int) -> int:
    """Tiles are whole, whatever the grid."""
    columns, rows = (
        -(-min(side) // BLOCK) for side in ((width, work.grid.width), (height, work.grid.height))
    )
    return columns * rows * BLOCK**2 * work.bytes_per_pixel


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
