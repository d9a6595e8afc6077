"""Pixels made into the compressed tiles of one level, as they will lie in a COG.

GDAL compresses: it writes a small tiled GeoTIFF, whose tiles are then taken as they are.
"""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from schema.contracts.rasters import BLOCK, Encoding
from services.raster.tiff import Directory, Tag, read_at, read_directories

_DEFLATE_LEVEL = 6
_COLORS_OF_YCBCR = 3


@dataclass(frozen=True)
class EncodedLevel:
    """A file of tiles, row by row, then the mask's tiles likewise; sizes in bytes.

    Tiles at the right and bottom edge are full ones, padded.
    """

    path: Path
    tile_sizes: tuple[int, ...]
    mask_sizes: tuple[int, ...]
    jpeg_tables: bytes | None

    @property
    def size(self) -> int:
        return sum(self.tile_sizes) + sum(self.mask_sizes)


def creation_options(encoding: Encoding) -> dict[str, str]:
    """What GDAL's GTiff driver is told, for tiles and for the directories that describe them."""
    options = {
        "driver": "GTiff",
        "tiled": "YES",
        "blockxsize": str(BLOCK),
        "blockysize": str(BLOCK),
        "interleave": "PIXEL",
        "compress": encoding.compression,
        "sparse_ok": "FALSE",
    }
    if encoding.compression == "DEFLATE":
        return options | {"zlevel": str(_DEFLATE_LEVEL), "predictor": str(encoding.predictor)}
    options |= {"jpeg_quality": str(encoding.quality), "jpegtablesmode": "1"}
    return options | ({"photometric": "YCBCR"} if encoding.count == _COLORS_OF_YCBCR else {})


def encode_level(
    pixels: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_] | None,
    encoding: Encoding,
    folder: Path,
    name: str,
    *,
    threads: int = 1,
) -> EncodedLevel:
    """Compress pixels of shape ``(bands, height, width)`` into the file ``name`` in the folder.

    ``valid``, of shape ``(height, width)``, becomes the internal mask and is needed exactly where
    ``encoding.mask`` is set.
    """
    if encoding.mask != (valid is not None):
        raise ValueError("a level has a mask exactly where its encoding says so")
    made = folder / f"{name}.tif"
    _write(made, _padded(pixels), None if valid is None else _padded(valid), encoding, threads)
    try:
        return _take_tiles(made, folder / name)
    finally:
        made.unlink(missing_ok=True)


def _padded(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole tiles, whose bytes are told by the pixels alone: the last column and row are repeated, which
    compresses well and leaves no seam in JPEG."""
    height, width = array.shape[-2:]
    below, right = -height % BLOCK, -width % BLOCK
    if not below and not right:
        return array
    return np.pad(array, [(0, 0)] * (array.ndim - 2) + [(0, below), (0, right)], mode="edge")


def _write(
    path: Path,
    pixels: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_] | None,
    encoding: Encoding,
    threads: int,
) -> None:
    count, height, width = pixels.shape
    shape: dict[str, Any] = {"count": count, "height": height, "width": width, "dtype": encoding.dtype}
    options: dict[str, Any] = creation_options(encoding) | {
        "bigtiff": "IF_SAFER",
        "num_threads": str(threads),
    }
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **shape, **options) as target:
            target.write(pixels)
            if valid is not None:
                target.write_mask(valid)


def _take_tiles(path: Path, target: Path) -> EncodedLevel:
    """Make the TIFF a file of nothing but its tiles, where it lies, as GDAL writes them in their order."""
    directories = read_directories(path)
    image, mask = directories[0], directories[1] if len(directories) > 1 else {}
    places = [*_places(image), *_places(mask)]
    if sorted(places) == places:
        with path.open("r+b") as file:
            end = _move(places, file, file)
            file.truncate(end)
        path.rename(target)
    else:
        with path.open("rb") as file, target.open("wb") as out:
            _move(places, file, out)
    tables = image.get(Tag.JPEG_TABLES)
    tile_sizes, mask_sizes = (tuple(size for _, size in _places(each)) for each in (image, mask))
    return EncodedLevel(target, tile_sizes, mask_sizes, None if tables is None else tables.data)


def _places(directory: Directory) -> list[tuple[int, int]]:
    """Offset and size of each tile."""
    if not directory:
        return []
    offsets, sizes = directory[Tag.TILE_OFFSETS].numbers, directory[Tag.TILE_BYTE_COUNTS].numbers
    return [*zip(offsets, sizes, strict=True)]


def _move(places: Sequence[tuple[int, int]], source: BinaryIO, target: BinaryIO) -> int:
    """Copy tiles to the target's beginning, one behind the other; returns where the last one ends."""
    end = 0
    for offset, size in places:
        tile = read_at(source, offset, size)
        target.seek(end)
        target.write(tile)
        end += size
    return end
