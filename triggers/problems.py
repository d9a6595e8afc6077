"""Errors as RFC 9457 problem documents: one map from error to status."""

from http import HTTPStatus

from pydantic import BaseModel

from schema import errors
from schema.errors import GeojobsError, InvalidParametersError

STATUS: dict[type[GeojobsError], HTTPStatus] = {
    errors.MalformedJsonError: HTTPStatus.BAD_REQUEST,
    errors.InvalidParametersError: HTTPStatus.BAD_REQUEST,
    errors.InvalidIdentifierError: HTTPStatus.BAD_REQUEST,
    errors.ConfirmationMissingError: HTTPStatus.BAD_REQUEST,
    errors.TooManyCallbacksError: HTTPStatus.BAD_REQUEST,
    errors.InputError: HTTPStatus.BAD_REQUEST,
    errors.BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.ResetForbiddenError: HTTPStatus.FORBIDDEN,
    errors.PermissionMissingError: HTTPStatus.FORBIDDEN,
    errors.UnauthenticatedError: HTTPStatus.UNAUTHORIZED,
    errors.UnknownJobTypeError: HTTPStatus.NOT_FOUND,
    errors.JobNotFoundError: HTTPStatus.NOT_FOUND,
    errors.DeadLetterNotFoundError: HTTPStatus.NOT_FOUND,
    errors.AssetNotFoundError: HTTPStatus.NOT_FOUND,
    errors.JobStateConflictError: HTTPStatus.CONFLICT,
    errors.ResultNotReadyError: HTTPStatus.CONFLICT,
    errors.JobHasNoResultError: HTTPStatus.CONFLICT,
    errors.ResultTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.RangeNotSatisfiableError: HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    errors.ServiceUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.GeojobsError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class InvalidField(BaseModel):
    """``pointer`` is an RFC 6901 JSON pointer into the body, or ``?name`` for a query parameter."""

    pointer: str
    message: str


class Problem(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    correlation_id: str
    errors: list[InvalidField] | None = None


def status_of(error: type[GeojobsError]) -> HTTPStatus:
    """The status of the nearest class above the error that the map has."""
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem_type(code: str) -> str:
    """The URI of a kind of problem."""
    return f"urn:geojobs:problem:{code.lower().replace('_', '-')}"


def problem_of(error: GeojobsError, instance: str, correlation_id: str) -> Problem:
    """The document for an error of ours. What is the server's own fault is not explained to callers."""
    status = status_of(type(error))
    own_fault = status is HTTPStatus.INTERNAL_SERVER_ERROR
    return Problem(
        type=problem_type(error.code),
        title=status.phrase,
        status=status,
        detail="the request could not be served; the log says why" if own_fault else str(error),
        instance=instance,
        code=error.code,
        correlation_id=correlation_id,
        errors=[InvalidField(pointer=field.pointer, message=field.message) for field in error.errors]
        if isinstance(error, InvalidParametersError)
        else None,
    )


def unexpected_problem(instance: str, correlation_id: str) -> Problem:
    """The document for an error nobody foresaw."""
    return problem_of(GeojobsError(), instance, correlation_id)
