"""A level of a raster kept as parts: small lossless GeoTIFFs side by side, read by any window."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from schema.contracts.rasters import BLOCK, Encoding
from services.raster.layout import LevelGrid

Pixels = npt.NDArray[Any]
Valid = npt.NDArray[np.bool_]

_OPTIONS = {
    "driver": "GTiff",
    "tiled": "YES",
    "blockxsize": str(BLOCK),
    "blockysize": str(BLOCK),
    "interleave": "BAND",
    "compress": "DEFLATE",
    "zlevel": "1",
}


def write_part(path: Path, pixels: Pixels, valid: Valid | None) -> None:
    """Keep pixels of shape ``(bands, height, width)``, with a mask where there is ``valid``; nothing else,
    as nodata and alpha are in the pixels themselves."""
    count, height, width = pixels.shape
    shape: dict[str, Any] = {"count": count, "height": height, "width": width, "dtype": pixels.dtype}
    options: dict[str, Any] = dict(_OPTIONS)
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **shape, **options) as target:
            target.write(pixels)
            if valid is not None:
                target.write_mask(valid)


@dataclass(frozen=True)
class Mosaic:
    """``parts`` are the pieces of the level in their order."""

    grid: LevelGrid
    encoding: Encoding
    parts: Sequence[Path]

    def read(self, top: int, left: int, height: int, width: int) -> tuple[Pixels, Valid | None]:
        """The pixels of a window, of shape ``(bands, height, width)``, and where the encoding has a mask
        which of them are valid. Raises ``RasterioError`` or ``ValueError`` for a part that is not as the
        level needs it."""
        pixels = np.empty((self.encoding.count, height, width), self.encoding.dtype)
        valid = np.empty((height, width), np.bool_) if self.encoding.mask else None
        for number in self._touched(top, left, height, width):
            part_top, part_left, part_height, part_width = self.grid.window(number)
            first_row, last_row = max(top, part_top), min(top + height, part_top + part_height)
            first_column, last_column = max(left, part_left), min(left + width, part_left + part_width)
            window = (
                (first_row - part_top, last_row - part_top),
                (first_column - part_left, last_column - part_left),
            )
            here = slice(first_row - top, last_row - top), slice(first_column - left, last_column - left)
            with self._opened(number) as part:
                part.read(window=window, out=pixels[:, *here])
                if valid is not None:
                    valid[here] = part.read_masks(1, window=window) > 0
        return pixels, valid

    def _touched(self, top: int, left: int, height: int, width: int) -> Iterator[int]:
        rows = range(top // self.grid.piece_height, -(-(top + height) // self.grid.piece_height))
        columns = range(left // self.grid.piece_width, -(-(left + width) // self.grid.piece_width))
        return (row * self.grid.columns + column for row in rows for column in columns)

    def _opened(self, number: int) -> Any:
        _, _, height, width = self.grid.window(number)
        expected = height, width, self.encoding.count, self.encoding.dtype
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            part = rasterio.open(self.parts[number], driver="GTiff", sharing=False)
        if (part.height, part.width, part.count, part.dtypes[0]) != expected:
            part.close()
            raise ValueError(f"part {number} of level {self.grid.level} is not as the plan says")
        return part
