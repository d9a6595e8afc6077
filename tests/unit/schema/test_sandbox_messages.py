"""How frames travel."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.sandbox_messages import BODY_BYTES, FROM_CHILD, Done, FrameError, FrameReader, Progress, frame


@given(st.lists(st.binary(max_size=50), max_size=5), st.integers(1, 40))
def test_frames_arrive_whole_however_they_are_cut(bodies: list[bytes], cut: int) -> None:
    reader, found = FrameReader(), []
    sent = b"".join(frame(Done(), body) for body in bodies)
    for start in range(0, len(sent), cut):
        reader.feed(sent[start : start + cut])
        while (whole := reader.next()) is not None:
            found.append(whole[1])
    assert found == bodies


def test_a_message_comes_back_as_it_was() -> None:
    reader = FrameReader()
    reader.feed(frame(Progress(fraction=0.25)))
    whole = reader.next()
    assert whole is not None
    assert FROM_CHILD.validate_json(whole[0]) == Progress(fraction=0.25)


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (1, BODY_BYTES + 1)])
def test_a_frame_that_says_it_is_too_large_is_refused_at_once(lengths: tuple[int, int]) -> None:
    reader = FrameReader()
    reader.feed(struct.pack("!II", *lengths))
    with pytest.raises(FrameError):
        reader.next()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"kind":"start"}',
        b'{"kind":"read","source":"a","offset":-1,"length":1}',
        b'{"kind":"read","source":"a","offset":0,"length":1e12}',
        b'{"kind":"failed","reason":"permanent","code":"no code","message":""}',
        b"[" * 50_000,
    ],
)
def test_what_a_child_may_not_say_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="validation error"):
        FROM_CHILD.validate_json(text)
