"""Reads and checks query parameters."""

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from schema.errors import FieldError, InvalidParametersError

E = TypeVar("E", bound=StrEnum)

_MAX_TEXT = 200
_DATETIME = TypeAdapter(datetime)


def invalid(name: str, message: str) -> InvalidParametersError:
    """The error for one query parameter."""
    return InvalidParametersError("the query is not valid", [FieldError(f"?{name}", message)])


def refuse_unknown(query: Mapping[str, str], *known: str) -> None:
    """Raises ``InvalidParametersError`` for one that the route does not have (``code`` is the host's)."""
    for name in query:
        if name not in known and name != "code":
            raise invalid(name, f"unknown; known: {', '.join(known) or 'none'}")


def integer(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds, both included."""
    text = query.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high:  # noqa: PLR2004 -- 64 bits
        return int(text)
    raise invalid(name, f"must be a whole number from {low} to {high}")


def text(query: Mapping[str, str], name: str) -> str | None:
    """A short text without control characters."""
    value = query.get(name)
    if value is not None and (len(value) > _MAX_TEXT or not value.isprintable() or not value):
        raise invalid(name, f"must be 1 to {_MAX_TEXT} printable characters")
    return value


def one_of(query: Mapping[str, str], name: str, kind: type[E]) -> E | None:
    """A member of an enumeration."""
    value = query.get(name)
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise invalid(name, f"must be one of {', '.join(kind)}") from None


def moment(query: Mapping[str, str], name: str) -> datetime | None:
    """An RFC 3339 time; one without an offset counts as UTC."""
    value = query.get(name)
    if value is None:
        return None
    try:
        parsed = _DATETIME.validate_python(value.replace(" ", "+"), strict=False)
    except ValidationError:
        raise invalid(name, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z") from None
    if value.isdigit():
        raise invalid(name, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def flag(query: Mapping[str, str], name: str) -> bool:
    """``true`` or ``false``; absent counts as false."""
    value = query.get(name, "false").lower()
    if value not in ("true", "false"):
        raise invalid(name, "must be true or false")
    return value == "true"


def cursor_of(*parts: str | int) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(to_json(parts)).decode().rstrip("=")


def cursor(query: Mapping[str, str], name: str, *kinds: type) -> list[object] | None:
    """The parts of a cursor that ``cursor_of`` made, each of its kind."""
    value = query.get(name)
    if value is None:
        return None
    try:
        parts: object = from_json(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (binascii.Error, ValueError):
        raise invalid(name, "is not a cursor of this route") from None
    if isinstance(parts, list) and [type(part) for part in parts] == list(kinds):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] -- JSON
        return list(parts)  # pyright: ignore[reportUnknownArgumentType] -- JSON
    raise invalid(name, "is not a cursor of this route")
