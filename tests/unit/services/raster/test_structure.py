"""Skeletons of files that no driver should have to meet."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest

from schema.errors import PermanentTaskError
from services.raster.files import RasterFile
from services.raster.limits import MAX_DIRECTORIES
from services.raster.structure import demand_sound_structure
from tests.support.rasters import cog_bytes, raster_bytes


def check(tmp_path: Path, data: bytes, driver: str = "GTiff") -> None:
    path = tmp_path / "raster"
    path.write_bytes(data)
    demand_sound_structure(RasterFile(str(path), driver))


def refused(tmp_path: Path, data: bytes, driver: str = "GTiff") -> str:
    with pytest.raises(PermanentTaskError) as caught:
        check(tmp_path, data, driver)
    return caught.value.error_code


def classic(*offsets: int, order: str = "<") -> bytes:
    """Directories without entries, each at its place, the last with a pointer of its own."""
    data = bytearray(struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, offsets[0]))
    for place, following in pairwise(offsets):
        data = data.ljust(place, b"\0")
        data[place : place + 6] = struct.pack(f"{order}HI", 0, following)
    return bytes(data)


@pytest.mark.parametrize("options", [{}, {"bigtiff": "yes"}, {"endianness": "big"}])
def test_what_gdal_writes_is_sound(tmp_path: Path, options: dict[str, str]) -> None:
    check(tmp_path, raster_bytes(**options))


def test_a_cog_with_its_overviews_is_sound(tmp_path: Path) -> None:
    check(tmp_path, cog_bytes())


def test_directories_in_a_circle_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, classic(8, 14, 8)) == "RASTER_TOO_MANY_DIRECTORIES"


def test_a_circle_in_the_other_byte_order_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, classic(8, 8, order=">")) == "RASTER_TOO_MANY_DIRECTORIES"


def test_as_many_directories_as_allowed_are_sound(tmp_path: Path) -> None:
    check(tmp_path, classic(*range(8, 8 + 6 * MAX_DIRECTORIES, 6), 0))


def test_one_directory_more_is_refused(tmp_path: Path) -> None:
    data = classic(*range(8, 8 + 6 * (MAX_DIRECTORIES + 1), 6), 0)
    assert refused(tmp_path, data) == "RASTER_TOO_MANY_DIRECTORIES"


def test_a_directory_beyond_the_end_is_a_truncation(tmp_path: Path) -> None:
    assert refused(tmp_path, classic(8, 4_000)) == "RASTER_TRUNCATED"


def test_entries_beyond_the_end_are_a_truncation(tmp_path: Path) -> None:
    data = struct.pack("<2sHIH", b"II", 42, 8, 40) + bytes(40)
    assert refused(tmp_path, data) == "RASTER_TRUNCATED"


def test_a_directory_with_absurdly_many_entries_is_unreadable(tmp_path: Path) -> None:
    data = struct.pack("<2sHIH", b"II", 42, 8, 60_000) + bytes(40)
    assert refused(tmp_path, data) == "RASTER_UNREADABLE"


def test_a_tiff_without_directories_is_unreadable(tmp_path: Path) -> None:
    assert refused(tmp_path, struct.pack("<2sHI", b"II", 42, 0)) == "RASTER_UNREADABLE"


def test_a_header_alone_is_a_truncation(tmp_path: Path) -> None:
    assert refused(tmp_path, b"II*\0") == "RASTER_TRUNCATED"


def jp2(*boxes: tuple[bytes, bytes]) -> bytes:
    made = (struct.pack(">I", 8 + len(content)) + kind + content for kind, content in boxes)
    return b"".join(made)


SIGNATURE = (b"jP  ", b"\r\n\x87\n")


def test_jpeg_2000_boxes_to_the_end_are_sound(tmp_path: Path) -> None:
    check(tmp_path, jp2(SIGNATURE, (b"jp2c", b"abc")), "JP2OpenJPEG")


def test_a_last_box_without_a_length_is_sound(tmp_path: Path) -> None:
    check(tmp_path, jp2(SIGNATURE) + struct.pack(">I", 0) + b"jp2c" + b"abc", "JP2OpenJPEG")


def test_a_box_with_a_long_length_is_followed(tmp_path: Path) -> None:
    long = struct.pack(">I4sQ", 1, b"jp2c", 20) + b"abcd"
    check(tmp_path, jp2(SIGNATURE) + long, "JP2OpenJPEG")


def test_a_box_beyond_the_end_is_a_truncation(tmp_path: Path) -> None:
    data = jp2(SIGNATURE, (b"jp2c", b"abcdef"))[:-2]
    assert refused(tmp_path, data, "JP2OpenJPEG") == "RASTER_TRUNCATED"


def test_a_box_shorter_than_its_head_is_unreadable(tmp_path: Path) -> None:
    data = jp2(SIGNATURE) + struct.pack(">I4s", 3, b"jp2c")
    assert refused(tmp_path, data, "JP2OpenJPEG") == "RASTER_UNREADABLE"
