"""What the child's cache asks its parent for."""

from itertools import pairwise

import pytest

from schema.errors import PermanentTaskError, RetryableTaskError
from services.raster.ranges import BLOCK_BYTES, CachedRanges


class Reader:
    """A file of so many bytes that notes what is read; ``failing_with`` is raised by the next read."""

    def __init__(self, size: int) -> None:
        self.data = bytes(range(251)) * (size // 251 + 1)
        self.data = self.data[:size]
        self.reads: list[tuple[int, int]] = []
        self.failing_with: PermanentTaskError | None = None

    def __call__(self, offset: int, length: int) -> bytes:
        if self.failing_with is not None:
            raise self.failing_with
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


def opened(size: int) -> tuple[Reader, CachedRanges]:
    reader = Reader(size)
    return reader, CachedRanges(reader, size)


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 10), (BLOCK_BYTES - 1, 2), (5, 3 * BLOCK_BYTES), (1_000_000, 10**9), (999_999, 1), (10**7, 5)],
)
def test_reads_what_lies_there(offset: int, length: int) -> None:
    reader, ranges = opened(1_000_000)
    assert ranges.at(offset, length) == reader.data[offset : offset + length]


def test_a_first_look_costs_one_block() -> None:
    reader, ranges = opened(10_000_000)
    ranges.at(0, 16)
    ranges.at(100, 1_000)
    assert reader.reads == [(0, BLOCK_BYTES)]


def test_a_look_elsewhere_costs_one_block() -> None:
    reader, ranges = opened(10_000_000)
    ranges.at(5 * BLOCK_BYTES + 7, 16)
    assert reader.reads == [(5 * BLOCK_BYTES, BLOCK_BYTES)]


def test_what_is_read_in_order_comes_in_ever_longer_pieces() -> None:
    reader, ranges = opened(40_000_000)
    for offset in range(0, 40_000_000, 100_000):
        ranges.at(offset, 100_000)
    lengths = [length for _, length in reader.reads[:-1]]
    assert all(later >= earlier for earlier, later in pairwise(lengths))
    assert lengths[-1] == 16 * BLOCK_BYTES
    assert sum(length for _, length in reader.reads) == 40_000_000


def test_a_long_read_is_asked_for_at_once() -> None:
    reader, ranges = opened(20 * BLOCK_BYTES)
    ranges.at(BLOCK_BYTES, 9 * BLOCK_BYTES)
    assert reader.reads == [(BLOCK_BYTES, 9 * BLOCK_BYTES)]


def test_only_the_latest_64_mb_are_kept() -> None:
    reader, ranges = opened(100 * 1024 * 1024)
    for offset in range(0, ranges.size, BLOCK_BYTES):
        ranges.at(offset, 1)
    before = len(reader.reads)
    ranges.at(ranges.size - 1, 1)
    assert len(reader.reads) == before
    ranges.at(0, 1)
    assert len(reader.reads) == before + 1


def test_a_failure_is_kept_and_nothing_is_read_after_it() -> None:
    reader, ranges = opened(1_000_000)
    reader.failing_with = PermanentTaskError("replaced", "BLOB_CHANGED")
    assert ranges.at(0, 10) == b""
    assert ranges.failure is reader.failing_with
    reader.failing_with = None
    assert ranges.at(0, 10) == b""


@pytest.mark.parametrize("end", [10, 700_001])
def test_an_answer_that_is_too_short_is_to_be_tried_again(end: int) -> None:
    reader, ranges = opened(1_000_000)
    reader.data = reader.data[:end]
    assert ranges.at(700_000, 100) == b""
    assert isinstance(ranges.failure, RetryableTaskError)
    assert ranges.failure.error_code == "BLOB_UNAVAILABLE"
