"""Turns an answer that is no success into an error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from geojobs_client.errors import (
    ApiError,
    FieldError,
    InvalidRequestError,
    NotFoundError,
    Problem,
    ServerError,
    ServiceUnavailableError,
    StateConflictError,
    UnauthorizedError,
    UnexpectedAnswerError,
)

_KINDS: Mapping[int, type[ApiError]] = {
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: UnauthorizedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: StateConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: ServiceUnavailableError,
    HTTPStatus.BAD_GATEWAY: ServiceUnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: ServiceUnavailableError,
    HTTPStatus.GATEWAY_TIMEOUT: ServiceUnavailableError,
}


class _Field(BaseModel):
    pointer: str = ""
    message: str = ""


class _Document(BaseModel):
    """As much of a problem document as there is; the platform before the app answers without one."""

    model_config = ConfigDict(extra="ignore")

    title: str = ""
    detail: str = ""
    code: str = ""
    correlation_id: str | None = None
    errors: list[_Field] | None = None


def error_of(response: httpx.Response) -> ApiError | UnexpectedAnswerError:
    """The error for an answer whose body has been read."""
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST:
        return UnexpectedAnswerError(f"the server answered {status}, which this API does not")
    return _kind_of(status)(_problem_of(response))


def retry_after(headers: httpx.Headers) -> float | None:
    """The seconds that ``Retry-After`` asks for, given as such or as a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _kind_of(status: int) -> type[ApiError]:
    if status in _KINDS:
        return _KINDS[status]
    return InvalidRequestError if status < HTTPStatus.INTERNAL_SERVER_ERROR else ServerError


def _problem_of(response: httpx.Response) -> Problem:
    document = _document_of(response)
    named = response.reason_phrase or f"status {response.status_code}"
    return Problem(
        status=response.status_code,
        code=document.code or named.upper().replace(" ", "_"),
        detail=document.detail or document.title or f"the server answered {response.status_code} {named}",
        errors=[FieldError(field.pointer, field.message) for field in document.errors or ()],
        correlation_id=document.correlation_id or response.headers.get("X-Correlation-ID"),
        retry_after=retry_after(response.headers),
    )


def _document_of(response: httpx.Response) -> _Document:
    try:
        return _Document.model_validate_json(response.content)
    except ValidationError:
        return _Document()
