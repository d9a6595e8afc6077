"""Takes the inputs of an execution: inline, qualified, or by a link whose content it carries itself."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from pydantic_core import from_json

from schema.errors import FieldError, InvalidParametersError
from schema.json_types import JSONObject, JSONValue, is_storable

_QUALIFIERS = {"value", "mediaType", "encoding", "schema"}
_OF_LINKS = {"href", "rel", "type", "hreflang", "title"}
_JSON_TYPES = ("application/json", "application/geo+json")


def plain_inputs(inputs: JSONObject) -> JSONObject:
    """The values themselves; raises ``InvalidParametersError`` that names each that cannot be had."""
    values: JSONObject = {}
    errors: list[FieldError] = []
    for name, given in inputs.items():
        try:
            values[name] = _plain(given)
        except ValueError as exc:
            errors.append(FieldError(f"/inputs/{name.replace('~', '~0').replace('/', '~1')}", str(exc)))
    if errors:
        raise InvalidParametersError("the inputs are not valid", errors)
    return values


def _plain(given: JSONValue) -> JSONValue:
    if not isinstance(given, dict):
        return given
    if "value" in given and given.keys() <= _QUALIFIERS:
        return given["value"]
    href = given.get("href")
    if isinstance(href, str) and given.keys() <= _OF_LINKS:
        return _content(href)
    return given


def _content(href: str) -> JSONValue:
    """What a ``data:`` link carries (RFC 2397): JSON where it says so, else text.

    Nothing is fetched: a server that follows its callers' links can be led into its own network.
    """
    scheme, _, rest = href.partition(":")
    described, comma, data = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise ValueError("is taken inline or from a data: link; nothing is fetched from elsewhere")
    media_type, *options = described.split(";")
    try:
        raw = base64.b64decode(data, validate=True) if "base64" in options else unquote_to_bytes(data)
        value: JSONValue = from_json(raw, allow_inf_nan=False) if media_type in _JSON_TYPES else raw.decode()
    except (binascii.Error, ValueError):
        raise ValueError("the data: link does not hold what it says") from None
    if not is_storable(value):
        raise ValueError("the data: link holds what cannot be stored")
    return value
