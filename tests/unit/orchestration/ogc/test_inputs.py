"""Inputs of an execution, however they are given."""

import pytest

from orchestration.ogc.inputs import plain_inputs
from schema.errors import InvalidParametersError
from schema.json_types import JSONValue


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (7, 7),
        (None, None),
        ("text", "text"),
        ([1, 2], [1, 2]),
        ({"a": 1}, {"a": 1}),
        ({"value": {"a": 1}}, {"a": 1}),
        ({"value": 1, "mediaType": "a/b", "encoding": "utf-8", "schema": {}}, 1),
        ({"value": 1, "other": 2}, {"value": 1, "other": 2}),
        ({"href": "data:,a"}, "a"),
        ({"href": "DATA:,a%20b"}, "a b"),
        ({"href": "data:application/json,[1]"}, [1]),
        ({"href": "data:application/json;base64,eyJhIjogMX0="}, {"a": 1}),
        ({"href": "data:text/plain;charset=utf-8,%C3%BC"}, "ü"),
        ({"href": "x", "other": 1}, {"href": "x", "other": 1}),
        ({"href": 7}, {"href": 7}),
    ],
)
def test_an_input_is_the_value_itself(given: JSONValue, expected: JSONValue) -> None:
    assert plain_inputs({"name": given}) == {"name": expected}


@pytest.mark.parametrize(
    "href",
    [
        "https://example.com/",
        "file:///etc/passwd",
        "data:no-comma",
        "data:application/json,{",
        "data:application/json,NaN",
        "data:;base64,*",
        "data:,%ff",
        "data:,%00",
    ],
)
def test_what_cannot_be_had_is_named(href: str) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        plain_inputs({"fine": 1, "a/b": {"href": href}})
    assert [error.pointer for error in caught.value.errors] == ["/inputs/a~1b"]
