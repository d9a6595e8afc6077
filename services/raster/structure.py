"""Whether a file's skeleton is sound, told by a few small reads before GDAL opens it.

TIFF 6.0 and BigTIFF: a chain of directories. JPEG 2000 (ISO/IEC 15444-1, annex I): a row of boxes.
"""

import os
import struct
from contextlib import closing
from pathlib import Path
from typing import IO, Final

from schema.errors import PermanentTaskError
from services.raster.files import RasterFile
from services.raster.limits import MAX_DIRECTORIES

_CLASSIC, _BIG = 42, 43
_MAX_ENTRIES: Final = 4_096
_MAX_BOXES: Final = 1_024
_CODESTREAM = b"\xffO\xffQ"


def demand_sound_structure(raster: RasterFile) -> None:
    """Raises ``PermanentTaskError``: ``RASTER_TOO_MANY_DIRECTORIES`` where a TIFF's directories have no end,
    ``RASTER_TRUNCATED`` where the file ends before what its header promises, ``RASTER_UNREADABLE``."""
    size = size_of(raster)
    with closing(_opened(raster)) as file:
        if raster.driver == "GTiff":
            _follow_directories(file, size)
        else:
            _follow_boxes(file, size)


def size_of(raster: RasterFile) -> int:
    """The size of the file in bytes."""
    with closing(_opened(raster)) as file:
        return file.seek(0, os.SEEK_END)


def _opened(raster: RasterFile) -> IO[bytes]:
    return Path(raster.path).open("rb") if raster.opener is None else raster.opener(raster.path, "rb")


def _follow_directories(file: IO[bytes], size: int) -> None:
    order, version, offset = _start(file)
    big = version == _BIG
    seen: set[int] = set()
    while offset:
        if offset in seen or len(seen) == MAX_DIRECTORIES:
            raise PermanentTaskError(
                f"the TIFF's directories are more than {MAX_DIRECTORIES}, or a circle",
                "RASTER_TOO_MANY_DIRECTORIES",
            )
        seen.add(offset)
        offset = _next_directory(file, size, offset, order, big=big)
    if not seen:
        raise PermanentTaskError("the TIFF has no directory", "RASTER_UNREADABLE")


def _start(file: IO[bytes]) -> tuple[str, int, int]:
    head = _read(file, 0, 16, at_least=8)
    order = "<" if head[:2] == b"II" else ">"
    (version,) = struct.unpack_from(f"{order}H", head, 2)
    if version == _CLASSIC:
        return order, version, struct.unpack_from(f"{order}I", head, 4)[0]
    if version != _BIG or len(head) < 16:  # noqa: PLR2004 -- a BigTIFF's header
        raise PermanentTaskError("the TIFF's header is not whole", "RASTER_UNREADABLE")
    return order, version, struct.unpack_from(f"{order}Q", head, 8)[0]


def _next_directory(file: IO[bytes], size: int, offset: int, order: str, *, big: bool) -> int:
    counter, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    width = struct.calcsize(counter)
    (entries,) = struct.unpack(f"{order}{counter}", _read(file, offset, width))
    if entries > _MAX_ENTRIES:
        raise PermanentTaskError(f"a TIFF directory claims {entries} entries", "RASTER_UNREADABLE")
    end = offset + width + entries * entry
    if end > size:
        raise _truncated()
    return struct.unpack(f"{order}{pointer}", _read(file, end, struct.calcsize(pointer)))[0]


def _follow_boxes(file: IO[bytes], size: int) -> None:
    if _read(file, 0, 8)[:4] == _CODESTREAM:
        return
    offset = 0
    for _ in range(_MAX_BOXES):
        if offset >= size:
            break
        offset = _next_box(file, offset, size)
    if offset > size:
        raise _truncated()


def _next_box(file: IO[bytes], offset: int, size: int) -> int:
    head = _read(file, offset, 16, at_least=8)
    (length,) = struct.unpack_from(">I", head)
    if length == 0:
        return size
    if length == 1 and len(head) == 16:  # noqa: PLR2004 -- the length follows in eight bytes
        (length,) = struct.unpack_from(">Q", head, 8)
    if length < 8:  # noqa: PLR2004 -- a box has at least its length and its kind
        raise PermanentTaskError("a JPEG 2000 box claims to be shorter than its head", "RASTER_UNREADABLE")
    return offset + length


def _read(file: IO[bytes], offset: int, length: int, at_least: int | None = None) -> bytes:
    file.seek(offset)
    data = file.read(length)
    if len(data) < (length if at_least is None else at_least):
        raise _truncated()
    return data


def _truncated() -> PermanentTaskError:
    return PermanentTaskError("the file ends before what its header promises", "RASTER_TRUNCATED")
