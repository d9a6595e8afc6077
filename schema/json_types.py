"""JSON as the project means it: the type, its canonical form, its strict parser."""

import json
import math

from pydantic import JsonValue
from pydantic_core import from_json

from schema.errors import MalformedJsonError

JSONValue = JsonValue
JSONObject = dict[str, JSONValue]


def canonical_json(value: JSONValue) -> str:
    """One text for one value: sorted keys, no white space, no escapes but those JSON demands.

    Raises ``ValueError`` for NaN and infinities, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def parse_json_object(raw: bytes) -> JSONObject:
    """Parse UTF-8 bytes that must hold one JSON object; an empty text counts as ``{}``.

    Raises ``MalformedJsonError`` for text that is no JSON, for NaN and infinities, for nesting beyond the
    parser's limit, for characters no JSON column can store (NUL), and for anything but an object.
    """
    if not raw.strip():
        return {}
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as exc:
        raise MalformedJsonError(f"the body is not valid JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise MalformedJsonError(f"the body must be a JSON object, not {_json_name(value)}")
    parsed: JSONObject = value  # pyright: ignore[reportUnknownVariableType] -- typed Any; yields only JSON
    if not is_storable(parsed):
        raise MalformedJsonError(
            "the body holds what cannot be stored: the character U+0000, half a surrogate pair, "
            "or a number that is too large"
        )
    return parsed


def is_storable(value: JSONValue) -> bool:
    """Whether a JSON column takes the value: no U+0000, no lone surrogates, no NaN, no infinity."""
    if isinstance(value, str):
        return "\0" not in value and (value.isascii() or not any(map(_is_refused, value)))
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(item) for key, item in value.items())
    return not isinstance(value, list) or all(is_storable(item) for item in value)


def storable_text(text: str, limit: int = 2_000) -> str:
    """The text, cut to ``limit`` characters, with U+FFFD for what a text or JSON column does not take."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_refused(char) else char for char in text[:limit])


def _is_refused(char: str) -> bool:
    return char == "\0" or "\ud800" <= char <= "\udfff"


def _json_name(value: object) -> str:
    names: dict[type, str] = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
