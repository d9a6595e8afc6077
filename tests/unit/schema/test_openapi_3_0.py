"""JSON Schema in the words of OpenAPI 3.0."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from schema.json_types import JSONObject
from schema.openapi_3_0 import inlined, openapi_3_0


class Point(BaseModel):
    """A place."""

    x: float
    y: float


class Tree(BaseModel):
    children: list["Tree"] = []


class Shape(BaseModel):
    kind: Literal["shape"] = "shape"
    centre: Point
    corners: tuple[Point, ...] = ()
    size: Annotated[float, Field(gt=0, lt=10)] = 1.0
    box: tuple[int, int, str] | None = None
    named: dict[str, Point] = {}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string", "nullable": True}),
        (
            {"anyOf": [{"type": "string", "title": "inner"}, {"type": "null"}], "title": "outer"},
            {"type": "string", "nullable": True, "title": "outer"},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        ),
        (
            {"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]},
            {"anyOf": [{"$ref": "#/components/schemas/A"}], "nullable": True},
        ),
        ({"type": ["integer", "null"]}, {"type": "integer", "nullable": True}),
        ({"type": ["integer", "string"]}, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        ({"type": "null"}, {"enum": [None], "nullable": True}),
        ({"const": "a", "type": "string"}, {"enum": ["a"], "type": "string"}),
        ({"exclusiveMinimum": 0}, {"minimum": 0, "exclusiveMinimum": True}),
        ({"exclusiveMaximum": 1}, {"maximum": 1, "exclusiveMaximum": True}),
        ({"examples": ["a", "b"]}, {"example": "a"}),
        ({"examples": []}, {}),
        ({"default": None, "title": "t"}, {"title": "t"}),
        ({"default": 0}, {"default": 0}),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({"type": "array", "items": True}, {"type": "array", "items": {}}),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "integer"}], "maxItems": 2},
            {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
            {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        ),
        (
            {"$ref": "#/components/schemas/A", "description": "d"},
            {"allOf": [{"$ref": "#/components/schemas/A"}], "description": "d"},
        ),
        ({"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/A"}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        ({"additionalProperties": {"const": 1}}, {"additionalProperties": {"enum": [1]}}),
        ({"properties": {"const": {"const": 1}}}, {"properties": {"const": {"enum": [1]}}}),
        ({"contentMediaType": "a/b", "propertyNames": {}, "x": 1}, {}),
    ],
)
def test_what_3_0_says_in_other_words(schema: JSONObject, expected: JSONObject) -> None:
    assert openapi_3_0(schema) == expected


def test_definitions_stand_in_place_of_the_references_to_them() -> None:
    schema: Any = inlined(Shape.model_json_schema())
    assert "$defs" not in schema
    assert schema["properties"]["centre"]["required"] == ["x", "y"]
    assert schema["properties"]["corners"]["items"]["description"] == "A place."


def test_what_stands_beside_a_reference_wins() -> None:
    schema: JSONObject = {
        "properties": {"a": {"$ref": "#/$defs/A", "description": "beside"}},
        "$defs": {"A": {"type": "string", "description": "own"}},
    }
    assert inlined(schema) == {"properties": {"a": {"type": "string", "description": "beside"}}}


def test_a_definition_that_refers_to_itself_is_any_value_there() -> None:
    schema: Any = inlined(Tree.model_json_schema())
    text = str(schema)
    assert "$ref" not in text
    assert "children" in text


def test_a_whole_model_has_only_words_of_3_0() -> None:
    schema: Any = openapi_3_0(inlined(Shape.model_json_schema()))
    properties = schema["properties"]
    assert properties["kind"]["enum"] == ["shape"]
    assert properties["size"]["exclusiveMinimum"] is True
    assert properties["box"]["nullable"] is True
    assert properties["box"]["items"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    assert properties["named"]["additionalProperties"]["type"] == "object"
