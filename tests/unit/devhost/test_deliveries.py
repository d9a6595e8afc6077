"""Decoding a message and handing it to a function."""

from datetime import UTC, datetime

import pytest

from devhost.deliveries import UndecodableError, decode, to_function
from devhost.queue_client import ReceivedMessage
from devhost.settings import MessageEncoding


@pytest.mark.parametrize("text", ["aGk=", " aGk=\n", "aG\r\nk="])
def test_base64_is_decoded_whatever_its_white_space(text: str) -> None:
    assert decode(text, MessageEncoding.BASE64) == b"hi"


@pytest.mark.parametrize("text", ["aGk", "{}", "a-_=", "ü", "aGk=="])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(UndecodableError):
        decode(text, MessageEncoding.BASE64)


def test_an_empty_message_is_an_empty_body() -> None:
    assert decode("", MessageEncoding.BASE64) == b""


def test_a_function_sees_every_fact_of_a_message() -> None:
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    seen = to_function(ReceivedMessage("id", "aGk=", 3, "receipt", *times), b"hi")
    assert (seen.id, seen.get_body(), seen.dequeue_count, seen.pop_receipt) == ("id", b"hi", 3, "receipt")
    assert [seen.insertion_time, seen.expiration_time, seen.time_next_visible] == times
