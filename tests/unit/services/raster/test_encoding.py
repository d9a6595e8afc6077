"""A level's tiles are those that GDAL compressed, in order, and whole ones."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.contracts.rasters import Encoding
from services.raster.encoding import EncodedLevel, encode_level


def encoding(**changes: Any) -> Encoding:
    made: dict[str, Any] = {"compression": "DEFLATE", "dtype": "uint8", "count": 1, "nodata": None}
    return Encoding.model_validate({**made, "mask": False, **changes})


def pixels(bands: int, height: int, width: int, dtype: str = "uint8") -> np.ndarray:
    return np.random.default_rng(3).integers(0, 50, (bands, height, width)).astype(dtype)


def tiles(level: EncodedLevel) -> tuple[list[bytes], list[bytes]]:
    data, sizes = level.path.read_bytes(), (*level.tile_sizes, *level.mask_sizes)
    ends = np.cumsum(sizes)
    found = [data[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    assert ends[-1] == len(data) == level.size
    return found[: len(level.tile_sizes)], found[len(level.tile_sizes) :]


def test_tiles_follow_row_by_row_as_gdal_compressed_them(tmp_path: Path) -> None:
    source = pixels(2, 1024, 1536)

    level = encode_level(source, None, encoding(count=2), tmp_path, "level")

    found, masks = tiles(level)
    assert masks == []
    for number, tile in enumerate(found):
        row, column = divmod(number, 3)
        window = source[:, row * 512 : row * 512 + 512, column * 512 : column * 512 + 512]
        assert zlib.decompress(tile) == window.transpose(1, 2, 0).tobytes()


def test_a_tile_at_the_edge_is_a_whole_one_and_repeats_the_last_pixels(tmp_path: Path) -> None:
    source = pixels(1, 600, 1)

    level = encode_level(source, None, encoding(), tmp_path, "level")

    lower = np.frombuffer(zlib.decompress(tiles(level)[0][1]), "uint8").reshape(512, 512)
    np.testing.assert_array_equal(lower[:88, 0], source[0, 512:, 0])
    assert (lower[:88] == lower[:88, :1]).all()
    assert (lower[88:] == lower[87]).all()


def test_validity_becomes_the_mask_s_tiles_after_those_of_the_pixels(tmp_path: Path) -> None:
    valid = np.zeros((512, 1024), bool)
    valid[:, 512:] = True

    level = encode_level(pixels(1, 512, 1024), valid, encoding(mask=True), tmp_path, "level")

    _, (left, right) = tiles(level)
    assert set(zlib.decompress(left)) == {0}
    assert set(zlib.decompress(right)) == {255}


@pytest.mark.parametrize("count", [1, 3])
def test_jpeg_tables_are_the_same_whatever_the_pixels(count: int, tmp_path: Path) -> None:
    jpeg = encoding(compression="JPEG", quality=85, count=count)

    one = encode_level(pixels(count, 512, 512), None, jpeg, tmp_path, "one")
    other = encode_level(np.zeros((count, 40, 30), "uint8"), None, jpeg, tmp_path, "other")

    assert one.jpeg_tables
    assert one.jpeg_tables == other.jpeg_tables


def test_only_the_tiles_stay_in_the_folder(tmp_path: Path) -> None:
    encode_level(pixels(1, 30, 40), None, encoding(), tmp_path, "level")

    assert [path.name for path in tmp_path.iterdir()] == ["level"]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_pixels_give_the_same_bytes(threads: int, tmp_path: Path) -> None:
    source = pixels(3, 700, 900, "uint16")
    numbers = encoding(count=3, dtype="uint16", predictor=2)

    made = [encode_level(source, None, numbers, tmp_path, name, threads=threads).path for name in "ab"]

    assert made[0].read_bytes() == made[1].read_bytes()


def test_a_mask_that_the_encoding_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mask"):
        encode_level(pixels(1, 8, 8), np.ones((8, 8), bool), encoding(), tmp_path, "level")


def test_tiles_that_threads_finish_in_any_order_are_the_same(tmp_path: Path) -> None:
    source, valid = pixels(3, 2048, 2048), pixels(1, 2048, 2048)[0] > 20
    one, other = (
        encode_level(
            source, valid, encoding(count=3, mask=True), tmp_path, f"level{threads}", threads=threads
        )
        for threads in (1, 4)
    )
    assert tiles(one) == tiles(other)
    assert {path.name for path in tmp_path.iterdir()} == {"level1", "level4"}
