"""The start of a COG: all its directories, from full resolution to the smallest overview, before any tile.

What a COG is: https://docs.ogc.org/is/21-026/21-026.html; the area between TIFF header and first directory:
https://gdal.org/en/stable/drivers/raster/cog.html#header-ghost-area.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schema.contracts.rasters import BLOCK
from services.raster.layout import PlacedLevel, Tiles
from services.raster.tiff import Directory, Entry, Kind, Tag

# Only what is true of the file: tiles are in order within a piece alone, and have no leaders or trailers.
_CLAIMS: Final = b"LAYOUT=IFDS_BEFORE_DATA\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
_GHOST: Final = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n%s" % (len(_CLAIMS), _CLAIMS)
_START: Final = 16
_FIRST: Final = _START + len(_GHOST) + (-len(_GHOST)) % 8

_INLINE: Final = 8
_ENTRY: Final = 20

_OVERVIEW: Final = 1
_MASK: Final = 4

# What describes pixels rather than the raster as a whole, by their numbers in TIFF 6.0: bits, compression,
# photometric, samples, planes, predictor, colour map, tiles, extra samples, sample format, JPEG tables,
# subsampling, reference black and white; and GDAL's nodata.
_OF_PIXELS: Final = frozenset(
    (256, 257, 258, 259, 262, 277, 284, 317, 320, 322, 323, 324, 325, 338, 339, 347, 530, 532, 42113)
)


@dataclass(frozen=True)
class Template:
    """The directories that GDAL writes for full resolution and its mask."""

    image: Directory
    mask: Directory | None


def write_header(template: Template, levels: Sequence[PlacedLevel], jpeg_tables: bytes | None) -> bytes:
    """BigTIFF header, directories and their values; the tiles follow at once, where ``levels``, given from
    full resolution on, count from. ``jpeg_tables`` are those that the tiles were made with.
    """
    size = len(_joined(_directories(template, levels, jpeg_tables, 0)))
    return _joined(_directories(template, levels, jpeg_tables, size))


def _directories(
    template: Template, levels: Sequence[PlacedLevel], jpeg_tables: bytes | None, start: int
) -> list[Directory]:
    found: list[Directory] = []
    for number, level in enumerate(levels):
        image = dict(template.image)
        if number > 0:
            image = {tag: entry for tag, entry in image.items() if tag in _OF_PIXELS}
        if jpeg_tables is not None:
            image[Tag.JPEG_TABLES] = Entry(7, len(jpeg_tables), jpeg_tables)
        reduced = _OVERVIEW if number > 0 else 0
        found.append(_placed(image, level, level.image, reduced, start))
        if level.mask is not None and template.mask is not None:
            found.append(_placed(template.mask, level, level.mask, reduced | _MASK, start))
    return found


def _placed(directory: Directory, level: PlacedLevel, tiles: Tiles, kind: int, start: int) -> Directory:
    """The directory with its size and kind and with the tiles' places in the file."""
    offsets, sizes = tiles.offsets.ravel() + start, tiles.sizes.ravel()
    return directory | {
        Tag.NEW_SUBFILE_TYPE: Entry.of(Kind.LONG, kind),
        Tag.IMAGE_WIDTH: Entry.of(Kind.LONG, level.width),
        Tag.IMAGE_LENGTH: Entry.of(Kind.LONG, level.height),
        Tag.TILE_WIDTH: Entry.of(Kind.LONG, BLOCK),
        Tag.TILE_LENGTH: Entry.of(Kind.LONG, BLOCK),
        Tag.TILE_OFFSETS: Entry(Kind.LONG8, offsets.size, offsets.astype("<u8").tobytes()),
        Tag.TILE_BYTE_COUNTS: Entry(Kind.LONG, sizes.size, sizes.astype("<u4").tobytes()),
    }


def _joined(directories: Sequence[Directory]) -> bytes:
    """All directories, each with its values right behind it, and then the long arrays of tiles: a reader's
    first request brings what it needs to know of every level."""
    tables = _tables(directories)
    parts = [struct.pack("<2sHHHQ", b"II", 43, 8, 0, _FIRST), _GHOST.ljust(_FIRST - _START, b"\x00")]
    position = _FIRST
    behind: list[bytes] = []
    for index, directory in enumerate(directories):
        last = index == len(directories) - 1
        block, behind_it = _written(directory, position, tables, last)
        parts.append(block)
        behind += behind_it
        position += len(block)
        tables += sum(map(len, behind_it))
    return b"".join(parts + behind)


def _tables(directories: Sequence[Directory]) -> int:
    """Where the arrays of tiles begin."""
    return _FIRST + sum(len(_written(directory, 0, 0, False)[0]) for directory in directories)


def _written(directory: Directory, position: int, tables: int, last: bool) -> tuple[bytes, list[bytes]]:
    """A directory at ``position`` with its values, and its arrays of tiles, which go to ``tables``."""
    values_at = position + 8 + _ENTRY * len(directory) + 8
    entries: list[bytes] = []
    values: list[bytes] = []
    behind: list[bytes] = []
    for tag, entry in sorted(directory.items()):
        data = entry.data
        if len(data) <= _INLINE:
            field = data.ljust(_INLINE, b"\x00")
        else:
            data = data.ljust(len(data) + -len(data) % 8, b"\x00")
            goes_behind = tag in {Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS}
            field = struct.pack("<Q", tables if goes_behind else values_at)
            if goes_behind:
                behind.append(data)
                tables += len(data)
            else:
                values.append(data)
                values_at += len(data)
        entries.append(struct.pack("<HHQ", tag, entry.kind, entry.count) + field)
    following = 0 if last else values_at
    head = struct.pack("<Q", len(entries))
    return b"".join([head, *entries, struct.pack("<Q", following), *values]), behind
