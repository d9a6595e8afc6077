"""TIFF as bytes: the directories of a file that GDAL wrote here, and how a directory is written.

Tags and types: TIFF 6.0 and https://www.awaresystems.be/imaging/tiff/bigtiff.html.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

_MOST_DIRECTORIES: Final = 64
_MOST_ENTRIES: Final = 200
_MOST_VALUE_BYTES: Final = 256 * 1024 * 1024


class TiffError(ValueError):
    """The file is not a TIFF as it is expected here."""


class Tag(IntEnum):
    """The tags whose meaning matters here; all others are copied as they are."""

    NEW_SUBFILE_TYPE = 254
    IMAGE_WIDTH = 256
    IMAGE_LENGTH = 257
    COMPRESSION = 259
    PHOTOMETRIC_INTERPRETATION = 262
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    JPEG_TABLES = 347


class Kind(IntEnum):
    """The types of values that are written here."""

    SHORT = 3
    LONG = 4
    LONG8 = 16


_SIZES: Final[Mapping[int, int]] = {
    **dict.fromkeys((1, 2, 6, 7), 1),
    **dict.fromkeys((3, 8), 2),
    **dict.fromkeys((4, 9, 11, 13), 4),
    **dict.fromkeys((5, 10, 12, 16, 17, 18), 8),
}
"""Bytes of one value of a type."""

_COUNTING: Final[Mapping[int, str]] = {Kind.SHORT: "H", Kind.LONG: "I", Kind.LONG8: "Q"}
"""How ``struct`` names the types of numbers that count something."""


@dataclass(frozen=True)
class Entry:
    """A tag's value, ``data`` being its ``count`` values of one type in little-endian order."""

    kind: int
    count: int
    data: bytes

    @classmethod
    def of(cls, kind: Kind, *numbers: int) -> "Entry":
        return cls(kind, len(numbers), struct.pack(f"<{len(numbers)}{_COUNTING[kind]}", *numbers))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The values of a tag that counts something."""
        return struct.unpack(f"<{self.count}{_COUNTING[self.kind]}", self.data)


Directory = dict[int, Entry]
"""An image file directory: its entries by tag."""


@dataclass(frozen=True)
class _Flavour:
    """Classic TIFF or BigTIFF: how offsets, the number of entries and entries are written."""

    offset: str
    number: str
    entry: str
    inline: int


_CLASSIC: Final = _Flavour("<I", "<H", "<HHI4s", 4)
_BIG: Final = _Flavour("<Q", "<Q", "<HHQ8s", 8)


def read_directories(path: Path) -> list[Directory]:
    """All directories in the order of their chain; raises ``TiffError`` where that is not a sound chain.

    Only little-endian files are read, as GDAL writes no others on the machines this runs on.
    """
    with path.open("rb") as file:
        flavour, offset = _start(file)
        found: list[Directory] = []
        while offset:
            if len(found) == _MOST_DIRECTORIES:
                raise TiffError(f"more than {_MOST_DIRECTORIES} directories")
            directory, offset = _read_directory(file, flavour, offset)
            found.append(directory)
    return found


def _start(file: BinaryIO) -> tuple[_Flavour, int]:
    head = file.read(16)
    if head[:4] == b"II\x2a\x00" and len(head) >= 8:  # noqa: PLR2004
        return _CLASSIC, struct.unpack_from("<I", head, 4)[0]
    if head[:8] == b"II\x2b\x00\x08\x00\x00\x00" and len(head) == 16:  # noqa: PLR2004
        return _BIG, struct.unpack_from("<Q", head, 8)[0]
    raise TiffError("no little-endian TIFF")


def _read_directory(file: BinaryIO, flavour: _Flavour, offset: int) -> tuple[Directory, int]:
    number: int = _unpack(file, flavour.number, offset)[0]
    if number > _MOST_ENTRIES:
        raise TiffError(f"a directory with {number} entries")
    first = offset + struct.calcsize(flavour.number)
    size = struct.calcsize(flavour.entry)
    directory: Directory = {}
    for index in range(number):
        tag, kind, count, value = _unpack(file, flavour.entry, first + index * size)
        directory[tag] = Entry(kind, count, _data(file, flavour, kind, count, value))
    return directory, _unpack(file, flavour.offset, first + number * size)[0]


def _data(file: BinaryIO, flavour: _Flavour, kind: int, count: int, value: bytes) -> bytes:
    if kind not in _SIZES:
        raise TiffError(f"a value of type {kind}")
    size = count * _SIZES[kind]
    if size <= flavour.inline:
        return value[:size]
    if size > _MOST_VALUE_BYTES:
        raise TiffError(f"a value of {size} bytes")
    return read_at(file, struct.unpack(flavour.offset, value)[0], size)


def _unpack(file: BinaryIO, pattern: str, offset: int) -> tuple[Any, ...]:
    return struct.unpack(pattern, read_at(file, offset, struct.calcsize(pattern)))


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Exactly so many bytes; raises ``TiffError`` where the file ends before."""
    file.seek(offset)
    data = file.read(size)
    if len(data) != size:
        raise TiffError(f"the file ends before {offset + size} bytes")
    return data
