"""JSON Schema as pydantic writes it, in the words that OpenAPI 3.0 has.

Source: OpenAPI Specification 3.0.3, "Schema Object"; the schema of process inputs and outputs of OGC API -
Processes 1.0 is the same.
"""

from typing import cast

from schema.json_types import JSONObject, JSONValue

_DEFINITIONS = "#/$defs/"
_KEPT = frozenset(
    {
        "$ref",
        "default",
        "deprecated",
        "description",
        "discriminator",
        "enum",
        "example",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "nullable",
        "pattern",
        "readOnly",
        "required",
        "title",
        "type",
        "uniqueItems",
        "writeOnly",
    }
)
_OF_SCHEMAS = ("allOf", "anyOf", "oneOf")
_OF_ONE_SCHEMA = ("additionalProperties", "items", "not")
_NULL: JSONObject = {"type": "null"}


def inlined(schema: JSONObject) -> JSONObject:
    """The schema with its definitions in place of the references to them.

    One that refers to itself is any value there: it has no end.
    """
    definitions = cast("dict[str, JSONValue]", schema.get("$defs", {}))
    return cast("JSONObject", _inlined({k: v for k, v in schema.items() if k != "$defs"}, definitions, ()))


def _inlined(value: JSONValue, definitions: dict[str, JSONValue], within: tuple[str, ...]) -> JSONValue:
    if isinstance(value, list):
        return [_inlined(item, definitions, within) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    beside = {
        name: _inlined(item, definitions, within)
        for name, item in value.items()
        if name not in ("$ref", "discriminator")
    }
    if not isinstance(reference, str):
        return beside
    name = reference.removeprefix(_DEFINITIONS)
    if name in within:
        return beside
    target = _inlined(definitions[name], definitions, (*within, name))
    return {**cast("JSONObject", target), **beside}


def openapi_3_0(schema: JSONObject) -> JSONObject:
    """The schema in the words of OpenAPI 3.0; what it cannot say is left out, so it may allow more."""
    single = _without_null(schema)
    known: JSONObject = {name: value for name, value in single.items() if name in _KEPT}
    if isinstance(properties := single.get("properties"), dict):
        known["properties"] = {name: _sub(item) for name, item in properties.items()}
    for name in _OF_SCHEMAS:
        if isinstance(branches := single.get(name), list):
            known[name] = [_sub(branch) for branch in branches]
    for name in _OF_ONE_SCHEMA:
        if name in single:
            value = single[name]
            known[name] = value if name != "items" and isinstance(value, bool) else _sub(value)
    _translate(single, known)
    return known


def _sub(value: JSONValue) -> JSONObject:
    return openapi_3_0(value) if isinstance(value, dict) else {}


def _without_null(schema: JSONObject) -> JSONObject:
    """``nullable`` in place of null among types or alternatives; a single one left is the schema itself."""
    types = schema.get("type")
    if isinstance(types, list):
        others: list[JSONValue] = [name for name in types if name != "null"]
        rest: JSONObject = {name: value for name, value in schema.items() if name != "type"}
        alternatives: list[JSONValue] = [{"type": name} for name in others]
        typed: JSONObject = {"type": others[0]} if len(others) == 1 else {"anyOf": alternatives}
        return {**rest, **typed, **({"nullable": True} if len(others) < len(types) else {})}
    for name in ("anyOf", "oneOf"):
        branches = schema.get(name)
        if isinstance(branches, list) and _NULL in branches:
            left = [branch for branch in branches if branch != _NULL]
            rest = {key: value for key, value in schema.items() if key != name}
            if len(left) == 1 and isinstance(left[0], dict) and "$ref" not in left[0]:
                return {**_without_null(left[0]), **rest, "nullable": True}
            return {**rest, name: left, "nullable": True}
    return schema


def _translate(schema: JSONObject, known: JSONObject) -> None:
    """What 3.0 says in other words."""
    if schema.get("type") == "null":
        known.pop("type")
        known.update({"enum": [None], "nullable": True})
    if "const" in schema:
        known["enum"] = [schema["const"]]
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in schema and not isinstance(schema[exclusive], bool):
            known.update({limit: schema[exclusive], exclusive: True})
    if isinstance(examples := schema.get("examples"), list) and examples:
        known["example"] = examples[0]
    if known.get("type") == "array":
        known.setdefault("items", _items(schema.get("prefixItems")))
    _tidy(known)


def _items(places: JSONValue) -> JSONObject:
    """What an array's items may be whose places have schemas of their own."""
    kinds: list[JSONValue] = []
    for place in places if isinstance(places, list) else ():
        if (kind := _sub(place)) not in kinds:
            kinds.append(kind)
    if len(kinds) > 1:
        return {"anyOf": kinds}
    return _sub(kinds[0]) if kinds else {}


def _tidy(known: JSONObject) -> None:
    """Nothing may stand beside a reference, and null is no default worth telling."""
    if "$ref" in known and len(known) > 1:
        known["allOf"] = [{"$ref": known.pop("$ref")}]
    if known.get("default", 0) is None:
        known.pop("default")
