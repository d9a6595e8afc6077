"""Each error has a code of its own, and its message says what, where and what would be right."""

import pytest

from schema import errors
from schema.errors import (
    ContractViolationError,
    FieldError,
    GeojobsError,
    InvalidParametersError,
    JobNotFoundError,
    PermanentTaskError,
    UnknownJobTypeError,
    UnknownTaskTypeError,
)


def every_error() -> list[type[GeojobsError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GeojobsError)
    ]


def test_codes_are_unique() -> None:
    codes = [error.code for error in every_error()]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", every_error())
def test_an_error_stands_in_the_tree_and_has_a_docstring(error: type[GeojobsError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")
    assert error.__doc__


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UnknownJobTypeError("x", ["b", "a"]), "unknown job type 'x'; known: a, b"),
        (UnknownTaskTypeError("x", []), "unknown task type 'x'; known: none"),
        (JobNotFoundError("abc"), "no job has the id abc"),
        (
            ContractViolationError("WorkResult", "/n", "handler work", "an integer"),
            "contract WorkResult, field /n: handler work should have produced an integer",
        ),
        (
            InvalidParametersError("not valid", [FieldError("/n", "too small"), FieldError("", "odd")]),
            "not valid: /n: too small; /: odd",
        ),
    ],
)
def test_a_message_tells_what_is_wrong(error: GeojobsError, message: str) -> None:
    assert str(error) == message


def test_a_task_s_error_may_bring_its_own_code() -> None:
    assert PermanentTaskError("x", "NO_CRS").error_code == "NO_CRS"
    assert PermanentTaskError("x").error_code == "TASK_FAILED_PERMANENT"
