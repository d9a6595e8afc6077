"""A violation names the contract, the field and who produced the value."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from orchestration.contracts import (
    controller_code,
    dumped,
    field_errors,
    instance_of,
    json_object,
    parsed,
)
from schema.errors import ContractViolationError, GeojobsError, InvalidIdentifierError
from schema.results import Contract


class Point(Contract):
    x: int
    tags: dict[str, list[int]] = Field(default_factory=dict)


class Loose(BaseModel):
    value: Any = None


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def circular() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def test_an_instance_is_taken_as_it_is() -> None:
    point = Point(x=1)
    assert instance_of(Point, point, "handler work") is point


@pytest.mark.parametrize("value", [None, {"x": 1}, Loose()])
def test_anything_but_an_instance_is_a_violation(value: object) -> None:
    with pytest.raises(ContractViolationError) as caught:
        instance_of(Point, value, "handler work")
    violation = caught.value
    assert (violation.contract, violation.field, violation.producer) == ("Point", "/", "handler work")
    assert str(violation) == (
        f"contract Point, field /: handler work should have produced Point, not {type(value).__name__}"
    )


def test_a_value_that_fits_is_parsed() -> None:
    assert parsed(Point, {"x": 1}, "the plan") == Point(x=1)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"x": "many"}, "/x"),
        ({}, "/x"),
        ({"x": 1, "y": 2}, "/y"),
        (5, "/"),
        ({"x": 1, "tags": {"a/b~c": [1, "z"]}}, "/tags/a~1b~0c/1"),
    ],
)
def test_a_value_that_does_not_fit_names_its_first_wrong_field(value: object, field: str) -> None:
    with pytest.raises(ContractViolationError) as caught:
        parsed(Point, value, "the plan")
    assert (caught.value.contract, caught.value.field, caught.value.producer) == ("Point", field, "the plan")


def test_a_json_object_is_taken_as_it_is() -> None:
    value = {"a": [1, 2.5, None, {"b": "ä"}], "big": 2**80}
    assert json_object(value, "JobResult", "trial.summarize") == value


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "/"),
        (None, "/"),
        ({"a": {"b": object()}}, "/a"),
        ({"a": (1, 2)}, "/a"),
        ({"a": Decimal(1)}, "/a"),
        ({1: "a"}, "/"),
        ({"a": float("nan")}, "/"),
        ({"a": float("inf")}, "/"),
        ({"a": "b\0c"}, "/"),
        ({"a\0": "b"}, "/"),
        ({"a": deep(100_000)}, "/"),
    ],
)
def test_what_is_no_storable_json_object_is_a_violation(value: object, field: str) -> None:
    with pytest.raises(ContractViolationError) as caught:
        json_object(value, "JobResult", "trial.summarize")
    assert caught.value.contract == "JobResult"
    assert caught.value.field.startswith(field)


def test_a_model_is_dumped_as_json() -> None:
    assert dumped(Point(x=1, tags={"a": [1]}), "handler work") == {"x": 1, "tags": {"a": [1]}}


@pytest.mark.parametrize("value", [object(), "a\0b", "\ud800", {"k\0": 1}, b"\xff", deep(1_000), circular()])
def test_a_model_that_json_cannot_say_or_store_is_a_violation(value: object) -> None:
    with pytest.raises(ContractViolationError) as caught:
        dumped(Loose(value=value), "handler work")
    assert (caught.value.contract, caught.value.producer) == ("Loose", "handler work")


def test_what_a_controller_raises_is_a_violation_that_says_what() -> None:
    with (
        pytest.raises(ContractViolationError, match=r"a value, not ZeroDivisionError$") as caught,
        controller_code("trial.plan"),
    ):
        raise ZeroDivisionError("n")
    assert caught.value.producer == "trial.plan"
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_our_own_errors_pass_through_a_controller() -> None:
    error: GeojobsError = InvalidIdentifierError("no id")
    with pytest.raises(InvalidIdentifierError) as caught, controller_code("trial.plan"):
        raise error
    assert caught.value is error


def test_field_errors_tell_no_input() -> None:
    with pytest.raises(ValidationError) as caught:
        Point.model_validate({"x": "secret"})
    (error,) = field_errors(caught.value)
    assert error.pointer == "/x"
    assert "secret" not in error.message
