"""Query parameters as models: one for each route, its fields made of the types below."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema, from_json, to_json

from schema.errors import FieldError, InvalidParametersError

_KEY_OF_THE_HOST = "code"
_MAX_TEXT = 200
_MAX_DIGITS = 19  # what 64 bits hold
_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]")  # a number would be seconds since 1970


class Query(BaseModel):
    """The query parameters of a route: a field for each, whose description and bounds are documented."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoQuery(Query):
    """Of a route that takes no query parameters."""


Q = TypeVar("Q", bound=Query)


def read(model: type[Q], given: Mapping[str, str]) -> Q:
    """The parameters as the route's model; ``InvalidParametersError`` names each that is not valid."""
    own = {name: value for name, value in given.items() if name != _KEY_OF_THE_HOST}
    try:
        return model.model_validate(own)
    except ValidationError as exc:
        found = {str(error["loc"][0]): _message(error, model) for error in _errors(exc)}
        problems = [FieldError(f"?{name}", message) for name, message in found.items()]
        raise InvalidParametersError("the query is not valid", problems) from exc


@dataclass(frozen=True)
class WholeNumber:
    """Annotates a whole number within bounds, both included, written in the ten digits."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        bounded = core_schema.int_schema(ge=self.low, le=self.high)
        return core_schema.no_info_before_validator_function(self._parsed, bounded)

    def _parsed(self, value: object) -> object:
        if isinstance(value, int):
            return value
        text = str(value)
        plain = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
        if plain and self.low <= int(text) <= self.high:
            return int(text)
        raise PydanticCustomError("whole_number", f"must be a whole number from {self.low} to {self.high}")  # pyright: ignore[reportArgumentType] -- composed of numbers


def _printable(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("text", "must be printable characters")
    return value


def _moment(value: object) -> object:
    if isinstance(value, str):
        if not _DATE_AND_TIME.match(value):
            raise PydanticCustomError("moment", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
        return value.replace(" ", "+")
    return value


def _in_utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _flag(value: object) -> object:
    if isinstance(value, bool):
        return value
    if str(value).lower() not in ("true", "false"):
        raise PydanticCustomError("flag", "must be true or false")
    return str(value).lower() == "true"


def _decoded(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    if not isinstance(value, str):
        return handler(value)
    try:
        return handler(from_json(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))))
    except (binascii.Error, ValueError):
        raise PydanticCustomError("cursor", "is not a cursor of this route") from None


Text = Annotated[str, Field(min_length=1, max_length=_MAX_TEXT), AfterValidator(_printable)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_in_utc)]
Flag = Annotated[bool, BeforeValidator(_flag)]

# Beside these an opaque cursor's field says what is in it: Annotated[tuple[...], OPAQUE, CURSOR_SCHEMA].
OPAQUE = WrapValidator(_decoded)
CURSOR_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1})

MORE = "`next_cursor` of the previous page"


def cursor_of(*parts: str | int) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(to_json(parts)).decode().rstrip("=")


def _errors(exc: ValidationError) -> list[Any]:
    return list(exc.errors(include_input=False, include_url=False, include_context=False))


def _message(error: Mapping[str, Any], model: type[Query]) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown; known: {', '.join(model.model_fields) or 'none'}"
    return error["msg"]
