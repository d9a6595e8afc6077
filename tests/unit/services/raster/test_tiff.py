"""The reader of directories reads what GDAL writes, and stops at what is no sound chain."""

import struct
from pathlib import Path

import pytest

from services.raster.tiff import Tag, TiffError, read_directories
from tests.support.rasters import raster_bytes


def written(folder: Path, data: bytes) -> Path:
    path = folder / "some.tif"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("bigtiff", ["YES", "NO"])
def test_both_flavours_are_read(bigtiff: str, tmp_path: Path) -> None:
    path = written(
        tmp_path, raster_bytes(600, 300, tiled=True, blockxsize=256, blockysize=256, bigtiff=bigtiff)
    )

    [directory] = read_directories(path)

    assert directory[Tag.IMAGE_WIDTH].numbers == (600,)
    assert directory[Tag.TILE_WIDTH].numbers == (256,)
    assert directory[Tag.TILE_OFFSETS].count == 6
    assert max(directory[Tag.TILE_OFFSETS].numbers) < path.stat().st_size


def test_a_chain_that_never_ends_is_refused(tmp_path: Path) -> None:
    loop = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<HI", 0, 8)

    with pytest.raises(TiffError, match="directories"):
        read_directories(written(tmp_path, loop))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MM\x00\x2a\x00\x00\x00\x08",
        b"II\x2a\x00\xff\x00\x00\x00",
        struct.pack("<2sHIH", b"II", 42, 8, 60_000),
        struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 256, 4, 2**31, 8, 0),
        struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 256, 99, 1, 8, 0),
    ],
    ids=["empty", "big-endian", "beyond the end", "entries", "huge value", "unknown type"],
)
def test_what_is_not_sound_is_refused(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(TiffError):
        read_directories(written(tmp_path, data))
