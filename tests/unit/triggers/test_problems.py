"""Errors as problem documents: each has a status, and none tells what is not the caller's business."""

from collections.abc import Iterator
from http import HTTPStatus

import pytest

from schema import errors
from schema.errors import FieldError, GeojobsError, InvalidParametersError
from triggers.problems import STATUS, problem_of, status_of, unexpected_problem


def every_error(root: type[GeojobsError] = GeojobsError) -> Iterator[type[GeojobsError]]:
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


PUBLIC_ERRORS = [error for error in every_error() if error.__module__ == errors.__name__]


@pytest.mark.parametrize("error", PUBLIC_ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_an_error_status(error: type[GeojobsError]) -> None:
    assert 400 <= status_of(error) < 600


@pytest.mark.parametrize("error", PUBLIC_ERRORS, ids=lambda error: error.__name__)
def test_only_what_the_caller_can_mend_is_a_4xx(error: type[GeojobsError]) -> None:
    assert (status_of(error) < 500) is issubclass(error, errors.InputError)


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in PUBLIC_ERRORS]
    assert len(set(codes)) == len(codes)


def test_the_map_names_only_errors_of_ours() -> None:
    assert set(STATUS) <= set(PUBLIC_ERRORS)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedJsonError("no JSON"), 400),
        (errors.UnknownJobTypeError("x", ["a"]), 404),
        (errors.JobNotFoundError("0" * 64), 404),
        (errors.BodyTooLargeError("too large"), 413),
        (errors.ResetForbiddenError("no"), 403),
        (errors.DatabaseUnavailableError("away"), 503),
        (errors.LeaseLostError("lost"), 500),
    ],
)
def test_an_error_becomes_a_problem_of_its_status(error: GeojobsError, status: int) -> None:
    problem = problem_of(error, "/api/x", "correlation")
    assert problem.status == status
    assert problem.title == HTTPStatus(status).phrase
    assert problem.code == error.code
    assert (problem.instance, problem.correlation_id) == ("/api/x", "correlation")


def test_the_type_is_a_name_made_of_the_code() -> None:
    problem = problem_of(errors.JobNotFoundError("0" * 64), "/", "c")
    assert problem.type == "urn:geojobs:problem:job-not-found"


def test_invalid_fields_are_listed() -> None:
    error = InvalidParametersError(
        "hello_world", [FieldError("/n", "too small"), FieldError("/m", "missing")]
    )
    problem = problem_of(error, "/", "c")
    assert [(field.pointer, field.message) for field in problem.errors or []] == [
        ("/n", "too small"),
        ("/m", "missing"),
    ]


def test_the_servers_own_fault_is_not_explained() -> None:
    problem = problem_of(errors.ConfigurationError("POSTGRES_PASSWORD is wrong"), "/", "c")
    assert "POSTGRES_PASSWORD" not in problem.model_dump_json()


def test_what_nobody_foresaw_is_a_500() -> None:
    assert unexpected_problem("/", "c").status == 500
