from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from geojobs_client import (
    ApiError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
    ServiceUnavailableError,
    StateConflictError,
    UnauthorizedError,
)
from geojobs_client.problems import error_of, retry_after
from tests.unit.client.support import problem

KINDS = [
    (400, InvalidRequestError),
    (413, InvalidRequestError),
    (422, InvalidRequestError),
    (401, UnauthorizedError),
    (403, UnauthorizedError),
    (404, NotFoundError),
    (409, StateConflictError),
    (429, ServiceUnavailableError),
    (500, ServerError),
    (501, ServerError),
    (502, ServiceUnavailableError),
    (503, ServiceUnavailableError),
    (504, ServiceUnavailableError),
]


@pytest.mark.parametrize(("status", "kind"), KINDS)
def test_a_status_is_an_error_of_its_kind(status: int, kind: type[ApiError]) -> None:
    assert type(error_of(problem(status))) is kind


def test_an_error_holds_what_the_document_says() -> None:
    fields = [{"pointer": "/n", "message": "too small", "more": 1}]
    error = error_of(problem(400, "INVALID_PARAMETERS", "no", errors=fields, correlation_id="c1", more=2))
    assert isinstance(error, ApiError)
    assert (error.status, error.code, error.detail) == (400, "INVALID_PARAMETERS", "no")
    assert list(error.errors) == [FieldError("/n", "too small")]
    assert error.correlation_id == "c1"
    assert str(error) == "no (INVALID_PARAMETERS)"


@pytest.mark.parametrize("body", [b"", b"<html>secret</html>", b"[]", b'"text"', b'{"detail": 5}'])
def test_without_a_document_the_status_speaks(body: bytes) -> None:
    headers = {"X-Correlation-ID": "c2"}
    error = error_of(httpx.Response(401, content=body, headers=headers))
    assert isinstance(error, UnauthorizedError)
    assert (error.code, error.detail) == ("UNAUTHORIZED", "the server answered 401 Unauthorized")
    assert error.correlation_id == "c2"


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5.0), (" 0 ", 0.0), ("", None), ("soon", None), ("-1", None), ("1.5", None)]
)
def test_retry_after_is_read_as_seconds(text: str, seconds: float | None) -> None:
    assert retry_after(httpx.Headers({"Retry-After": text})) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry_after(httpx.Headers({"Retry-After": later})) == pytest.approx(60, abs=5)


def test_a_date_that_has_passed_is_now() -> None:
    assert retry_after(httpx.Headers({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"})) == 0
