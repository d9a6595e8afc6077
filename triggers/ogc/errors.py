"""Errors as OGC API - Processes has them: problem documents with types of its own."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from schema.errors import (
    InvalidIdentifierError,
    JobHasNoResultError,
    JobNotFoundError,
    ResultNotReadyError,
    UnknownJobTypeError,
)
from schema.ogc import EXCEPTION
from schema.results import ErrorDetail
from triggers.http import PROBLEM_TYPE, Request, Response
from triggers.problems import Problem, problem_type

_JSON = "application/json"

_TYPES: dict[str, tuple[str | None, HTTPStatus]] = {
    UnknownJobTypeError.code: (f"{EXCEPTION}no-such-process", HTTPStatus.NOT_FOUND),
    JobNotFoundError.code: (f"{EXCEPTION}no-such-job", HTTPStatus.NOT_FOUND),
    InvalidIdentifierError.code: (f"{EXCEPTION}no-such-job", HTTPStatus.NOT_FOUND),
    ResultNotReadyError.code: (f"{EXCEPTION}result-not-ready", HTTPStatus.NOT_FOUND),
    JobHasNoResultError.code: (None, HTTPStatus.GONE),
}


def exception_response(problem: Problem, request: Request[Any]) -> Response:
    """The problem under the standard's type and status for it, where there is one."""
    kind, status = _TYPES.get(problem.code, (None, HTTPStatus(problem.status)))
    changed = problem.model_copy(
        update={"type": kind or problem.type, "status": int(status), "title": status.phrase}
    )
    return Response(int(status), changed, {"Content-Type": _media_type(request.headers)})


def failed_job_response(error: ErrorDetail, request: Request[Any]) -> Response:
    """Why a job failed: its own error is the exception that stands where its results would."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    problem = Problem(
        type=problem_type(error.code),
        title="the job failed",
        status=status,
        detail=error.message,
        instance=request.instance,
        code=error.code,
        correlation_id=request.correlation_id,
    )
    return Response(status, problem, {"Content-Type": _media_type(request.headers)})


def accepts(headers: Mapping[str, str], media_type: str) -> bool:
    """Whether the caller names this media type among those it takes."""
    named = (part.partition(";")[0].strip().lower() for part in headers.get("accept", "").split(","))
    return media_type in named


def _media_type(headers: Mapping[str, str]) -> str:
    """Plain JSON for those who ask for that and not for problem documents."""
    plain = accepts(headers, _JSON) and not accepts(headers, PROBLEM_TYPE)
    return _JSON if plain else PROBLEM_TYPE
