"""JSON comes in strictly and goes out in one form."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import MalformedJsonError
from schema.json_types import canonical_json, is_storable, parse_json_object, storable_text


@pytest.mark.parametrize("raw", [b"", b"  \r\n"])
def test_no_text_is_an_empty_object(raw: bytes) -> None:
    assert parse_json_object(raw) == {}


def test_an_object_is_parsed() -> None:
    raw = '{"a": [1, -2.5e3, true, null, "ä\\u00e4"], "b": {"c": 12345678901234567890}}'.encode()
    assert parse_json_object(raw) == {"a": [1, -2500.0, True, None, "ää"], "b": {"c": 12345678901234567890}}


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"[]", "an array"),
        (b'"a"', "a string"),
        (b"true", "a boolean"),
        (b"null", "null"),
        (b"7", "a number"),
        (b"7.5", "a number"),
    ],
)
def test_anything_but_an_object_is_refused_by_its_kind(raw: bytes, kind: str) -> None:
    with pytest.raises(MalformedJsonError, match=f"must be a JSON object, not {kind}"):
        parse_json_object(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} {}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b'{"a": "line\nbreak"}',
        b'{"a": 0x10}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJsonError, match="the body is not valid JSON"):
        parse_json_object(raw)


@pytest.mark.parametrize("raw", [b'{"a": "b\\u0000c"}', b'{"a\\u0000": 1}', b'{"a": [{"b": "\\u0000"}]}'])
def test_what_no_column_can_store_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJsonError, match=r"U\+0000"):
        parse_json_object(raw)


def test_a_number_beyond_the_range_of_floats_is_refused() -> None:
    with pytest.raises(MalformedJsonError):
        parse_json_object(b'{"a": 1e999}')


@pytest.mark.parametrize(
    "value", ["", "ä\u2028\U0001f30d", 0, 2**100, 1.5, None, True, [], {}, {"a": [{"b": ["c"]}]}]
)
def test_what_a_json_column_takes(value: Any) -> None:
    assert is_storable(value)


@pytest.mark.parametrize(
    "value",
    ["\0", "a\ud800", "\udfff", float("nan"), float("inf"), [float("-inf")], {"\0": 1}, {"a": ["b", "\0"]}],
)
def test_what_a_json_column_does_not_take(value: Any) -> None:
    assert not is_storable(value)


@given(st.text())
def test_any_text_can_be_made_storable(text: str) -> None:
    made = storable_text(text)
    assert is_storable(made)
    assert len(made) == len(text)
    assert made == text or not is_storable(text)


def test_a_text_is_cut() -> None:
    assert storable_text("x" * 5_000) == "x" * 2_000
    assert storable_text("abc\0", 2) == "ab"


def test_canonical_json_has_one_form() -> None:
    value = {"b": [1, {"d": None, "c": True}], "a": 'ä/"\n'}
    assert canonical_json(value) == '{"a":"ä/\\"\\n","b":[1,{"c":true,"d":null}]}'


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())))
def test_canonical_json_is_json(value: dict[str, Any]) -> None:
    assert json.loads(canonical_json(value)) == value
