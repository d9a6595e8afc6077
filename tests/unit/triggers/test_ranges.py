"""The header ``Range``, as RFC 9110 has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import RangeNotSatisfiableError
from triggers.ranges import byte_range


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=3-", (3, 7)),
        ("bytes=3-99", (3, 7)),
        ("bytes=9-9", (9, 1)),
        ("bytes=-4", (6, 4)),
        ("bytes=-99", (0, 10)),
        (" Bytes=1-2 ", (1, 2)),
    ],
)
def test_one_range_is_a_part(header: str, part: tuple[int, int]) -> None:
    assert byte_range(header, 10) == part


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "items=0-1", "bytes=٣-", "bytes=a-b"],
)
def test_whatever_else_is_asked_for_is_the_whole(header: str) -> None:
    assert byte_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=10-", 10), ("bytes=10-12", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_what_there_is_nothing_of_cannot_be_given(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiableError, match=f"there are {size} bytes"):
        byte_range(header, size)


@given(header=st.from_regex(r"bytes=[0-9]{0,3}-[0-9]{0,3}", fullmatch=True), size=st.integers(0, 500))
def test_a_part_is_never_outside(header: str, size: int) -> None:
    try:
        part = byte_range(header, size)
    except RangeNotSatisfiableError:
        return
    assert part is None or (part.length > 0 and 0 <= part.first <= size - part.length)
