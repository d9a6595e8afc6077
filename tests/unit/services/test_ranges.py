"""Reading by ranges, within limits."""

import os

import pytest

from schema.errors import RetryableTaskError
from services.containers.ranges import BLOCK_BYTES, HeaderLimitError, RangeFile, RangeSource

DATA = bytes(range(256)) * 1_024


class Remote:
    """Serves ``DATA`` and counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, offset: int, length: int) -> bytes:
        self.asked.append(offset)
        return DATA[offset : offset + length]


def test_reads_across_blocks() -> None:
    source = RangeSource(Remote(), len(DATA))
    start = BLOCK_BYTES - 10
    assert source.at(start, BLOCK_BYTES + 20) == DATA[start : start + BLOCK_BYTES + 20]


def test_reads_nothing_beyond_the_end() -> None:
    source = RangeSource(Remote(), len(DATA))
    assert source.at(len(DATA) - 2, 10) == DATA[-2:]
    assert source.at(len(DATA) + 2, 10) == b""


def test_asks_for_a_block_once() -> None:
    remote = Remote()
    source = RangeSource(remote, len(DATA))
    for offset in (0, 10, 20, BLOCK_BYTES, 30):
        source.at(offset, 5)
    assert remote.asked == [0, BLOCK_BYTES]


def test_the_head_is_not_asked_for_again() -> None:
    remote = Remote()
    source = RangeSource(remote, len(DATA), DATA[:BLOCK_BYTES])
    source.at(0, 100)
    assert remote.asked == []


def test_after_a_failure_there_is_nothing_to_read() -> None:
    def broken(_offset: int, _length: int) -> bytes:
        raise RetryableTaskError("away")

    source = RangeSource(broken, len(DATA), DATA[:BLOCK_BYTES])
    assert source.at(BLOCK_BYTES - 1, 2) == b""
    assert source.at(0, 1) == b""
    assert isinstance(source.failure, RetryableTaskError)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"max_bytes": BLOCK_BYTES}, "RASTER_HEADER_TOO_LARGE"),
        ({"max_seconds": -1.0}, "RASTER_HEADER_TIMED_OUT"),
    ],
)
def test_limits_end_the_reading(limits: dict[str, float], code: str) -> None:
    source = RangeSource(Remote(), len(DATA), **limits)
    source.at(0, len(DATA))
    assert isinstance(source.failure, HeaderLimitError)
    assert source.failure.code == code


def test_handles_have_positions_of_their_own() -> None:
    source = RangeSource(Remote(), len(DATA))
    with RangeFile(source) as first, RangeFile(source) as second:
        assert first.seek(-3, os.SEEK_END) == len(DATA) - 3
        assert second.seek(5) == 5
        assert second.seek(2, os.SEEK_CUR) == 7
        assert first.read() == DATA[-3:]
        assert second.read(2) == DATA[7:9]
        assert second.tell() == 9
