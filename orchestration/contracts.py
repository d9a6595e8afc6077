"""Enforces contracts where a controller's or handler's value enters the engine."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from schema.errors import ContractViolationError, FieldError, GeojobsError
from schema.json_types import JSONObject, is_storable

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)

_JSON_OBJECT: TypeAdapter[JSONObject] = TypeAdapter(JSONObject)


def instance_of(model: type[M], value: object, producer: str) -> M:
    """The value, which must be an instance of the model; raises ``ContractViolationError``."""
    if isinstance(value, model):
        return value
    raise ContractViolationError(model.__name__, "/", producer, f"{_name(model)}, not {_name(type(value))}")


def parsed(model: type[M], value: object, producer: str) -> M:
    """The value read as the model; raises ``ContractViolationError`` that names the first wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as exc:
        first = field_errors(exc)[0]
        raise ContractViolationError(model.__name__, first.pointer or "/", producer, first.message) from exc


def json_object(value: object, contract: str, producer: str) -> JSONObject:
    """The value, which must be a JSON object through and through; raises ``ContractViolationError``."""
    try:
        checked = _JSON_OBJECT.validate_python(value, strict=True)
    except ValidationError as exc:
        first = field_errors(exc)[0]
        raise ContractViolationError(contract, first.pointer or "/", producer, "a JSON object") from exc
    return _storable(checked, contract, producer)


def dumped(model: BaseModel, producer: str) -> JSONObject:
    """The model as JSON; raises ``ContractViolationError`` where it holds what JSON cannot say.

    Whatever pydantic only warns of counts as well: a field of another type, in a model made without checks.
    """
    try:
        value = model.model_dump(mode="json", warnings="error")
    except ValueError as exc:  # not JSON, not UTF-8, circular, or nested too deeply
        expected = f"what JSON can say ({type(exc).__name__})"
        raise ContractViolationError(type(model).__name__, "/", producer, expected) from exc
    return _storable(value, type(model).__name__, producer)


@contextmanager
def controller_code(producer: str) -> Generator[None]:
    """Whatever a controller raises becomes a ``ContractViolationError``: controllers are pure and total.

    Callers learn the error's type; what it says may quote anything, and is for the log.
    """
    try:
        yield
    except GeojobsError:
        raise
    except Exception as exc:
        _log.exception("controller failed", extra={"producer": producer})
        raise ContractViolationError(
            "controller function", "/", producer, f"a value, not {type(exc).__name__}"
        ) from exc


def field_errors(exc: ValidationError) -> list[FieldError]:
    """Pydantic's errors with RFC 6901 pointers."""
    return [
        FieldError("".join(f"/{_escaped(part)}" for part in error["loc"]), error["msg"])
        for error in exc.errors(include_input=False, include_url=False, include_context=False)
    ]


def _storable(value: JSONObject, contract: str, producer: str) -> JSONObject:
    if is_storable(value):
        return value
    expected = "JSON that can be stored: no U+0000, no lone surrogates, no NaN or infinity"
    raise ContractViolationError(contract, "/", producer, expected)


def _escaped(part: Any) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _name(kind: type) -> str:
    return kind.__name__
