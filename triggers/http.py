"""The shell of every HTTP route: who calls, correlation id, query, call, errors as problem documents."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import UnionType
from typing import Any, Generic, cast
from uuid import uuid4

import azure.functions as func
from pydantic import BaseModel
from pydantic_core import to_json
from typing_extensions import TypeVar

from interfaces.log_ids import log_ids
from interfaces.tracing import NO_TRACER, SpanKind, Tracer, trace_id_of
from schema.access import Access, AuthMode
from schema.errors import BodyTooLargeError, GeojobsError, UnauthenticatedError
from schema.identity import JOB_ID_PATTERN
from schema.json_types import JSONObject, parse_json_object
from triggers import query
from triggers.principal import principal_of
from triggers.problems import Problem, problem_of, unexpected_problem
from triggers.query import NoQuery, Query

_log = logging.getLogger(__name__)

A = TypeVar("A")
Q = TypeVar("Q", bound=Query, default=NoQuery)

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

PROBLEM_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Request(Generic[Q]):
    """A request as the endpoints see it.

    ``base_url`` is where the routes begin, such as ``https://host/api``, without a slash at its end;
    ``caller`` names who calls, where the platform says so; ``max_body_bytes`` bounds what ``json_object``
    accepts.
    """

    route: Mapping[str, str]
    query: Q
    body: bytes
    correlation_id: str
    instance: str
    base_url: str
    headers: Mapping[str, str]
    max_body_bytes: int
    caller: str | None = None

    def json_object(self) -> JSONObject:
        """Raises ``BodyTooLargeError`` and ``MalformedJsonError``."""
        if len(self.body) > self.max_body_bytes:
            raise BodyTooLargeError(
                f"the body has {len(self.body)} bytes; at most {self.max_body_bytes} are accepted"
            )
        return parse_json_object(self.body)

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context: that of this request's span, or where nothing is traced the caller's, if it
        sent a well-formed one."""
        sent = self.headers.get("traceparent", "")
        return sent if _TRACEPARENT.fullmatch(sent) else None


@dataclass(frozen=True)
class Response:
    """``Content-Type`` among the headers says what bytes and texts are; else it is JSON."""

    status: int
    body: BaseModel | JSONObject | bytes | str | None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Answer:
    """What a route answers with one status, for its description; ``headers`` are those of this answer.
    ``or_media_type`` is another form that it may have, of which no more is said."""

    description: str
    model: type[BaseModel] | UnionType | None = None
    media_type: str = "application/json"
    headers: tuple[str, ...] = ()
    or_media_type: str | None = None


def problem_response(problem: Problem, request: Request[Any]) -> Response:  # noqa: ARG001 -- others look at it
    """An error as RFC 9457 has it."""
    return Response(problem.status, problem, {"Content-Type": PROBLEM_TYPE})


@dataclass(frozen=True, kw_only=True)
class Door:
    """How a deployment lets callers in, how much they may bring, and how their requests are traced."""

    mode: AuthMode
    max_body_bytes: int
    public_url: str | None = None
    tracer: Tracer = NO_TRACER


@dataclass(frozen=True)
class Route(Generic[A, Q]):
    """One row of a blueprint's table: the endpoint gets the application and the request.

    The rest describes it: the endpoint's docstring, what it answers, the statuses of its problem documents
    besides those that any route may give, the model of its JSON body, and the tag that it is grouped by.
    """

    name: str
    method: str
    path: str
    access: Access
    endpoint: Callable[[A, Request[Q]], Response]
    answers: Mapping[int, Answer]
    tag: str
    query: type[Q] = NoQuery  # pyright: ignore[reportAssignmentType] -- where nothing else is said, Q is that
    problems: tuple[int, ...] = ()
    body: type[BaseModel] | None = None
    on_error: Callable[[Problem, Request[Any]], Response] = problem_response


_LEVELS = {
    Access.OPEN: func.AuthLevel.ANONYMOUS,
    Access.READ: func.AuthLevel.FUNCTION,
    Access.SUBMIT: func.AuthLevel.FUNCTION,
    Access.ADMIN: func.AuthLevel.ADMIN,
}


def blueprint_of(routes: tuple[Route[A, Any], ...], application: A, door: Door) -> func.Blueprint:
    """A blueprint with one function for each route. The platform checks keys, and only where they are asked
    for; with ``entra`` the shell checks the roles of whom the platform has signed in."""
    blueprint = func.Blueprint()
    for route in routes:
        level = _LEVELS[route.access] if door.mode is AuthMode.KEYS else func.AuthLevel.ANONYMOUS
        handler = _handler(route, application, door)
        named = blueprint.function_name(route.name)
        routed = blueprint.route(route.path, methods=[route.method], auth_level=level)
        named(routed(handler))
    return blueprint


def _handler(
    route: Route[A, Any], application: A, door: Door
) -> Callable[[func.HttpRequest], func.HttpResponse]:
    def handle(req: func.HttpRequest) -> func.HttpResponse:
        request = _request(req, route, door)
        name, ids = f"{route.method} /{route.path}", _ids(request)
        facts = {"http.request.method": route.method, "http.route": f"/{route.path}"}
        tracing = door.tracer.span(name, request.traceparent, SpanKind.SERVER, **ids, **facts)
        trace_id = trace_id_of(request.traceparent) if request.traceparent else None
        with log_ids(**ids, trace_id=trace_id), tracing as span:
            traced = _traced(request, door.tracer.traceparent())
            response = _call(route, application, traced, dict(req.params), door)
            span.note(**{"http.response.status_code": response.status})
            if response.status >= 500:  # noqa: PLR2004 -- server errors
                span.fail(str(response.status))
        return _to_http(response, request.correlation_id)

    return handle


def _ids(request: Request[Any]) -> dict[str, str]:
    """What a request is about; the job only where it is named as jobs are."""
    job_id = request.route.get("job_id", "")
    named = {"job_id": job_id} if JOB_ID_PATTERN.fullmatch(job_id) else {}
    return {"correlation_id": request.correlation_id, **named}


def _traced(request: Request[NoQuery], traceparent: str | None) -> Request[NoQuery]:
    if traceparent is None:
        return request
    return replace(request, headers={**request.headers, "traceparent": traceparent})


def _call(
    route: Route[A, Any], application: A, request: Request[Any], given: Mapping[str, str], door: Door
) -> Response:
    try:
        caller = _caller(route, request, door)
        asked = query.read(route.query, given)
        return route.endpoint(application, replace(request, query=asked, caller=caller))
    except GeojobsError as exc:
        problem = problem_of(exc, request.instance, request.correlation_id)
        if problem.status >= 500:  # noqa: PLR2004 -- server errors
            _log.exception("request failed", extra=_facts(route, request))
        return _refusal(route, problem, request, exc)
    except Exception as exc:  # noqa: BLE001 -- the boundary: whatever it is, the caller gets a problem document
        _log.exception("request failed unexpectedly", extra=_facts(route, request))
        return _refusal(route, unexpected_problem(request.instance, request.correlation_id), request, exc)


def _caller(route: Route[A, Any], request: Request[Any], door: Door) -> str | None:
    if door.mode is not AuthMode.ENTRA or route.access is Access.OPEN:
        return None
    principal = principal_of(request.headers)
    principal.require(route.access)
    return principal.name


def _refusal(route: Route[A, Any], problem: Problem, request: Request[Any], error: Exception) -> Response:
    response = route.on_error(problem, request)
    headers = dict(response.headers)
    if isinstance(error, GeojobsError) and error.ask_again_after is not None:
        headers["Retry-After"] = str(error.ask_again_after)
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(response.status, response.body, headers)


def _request(req: func.HttpRequest, route: Route[A, Any], door: Door) -> Request[NoQuery]:
    given = cast("Mapping[str, str]", req.headers)
    headers = {name.lower(): value for name, value in given.items()}
    sent = headers.get("x-correlation-id", "")
    origin, path = _origin_and_path(req.url)
    return Request(
        route=dict(req.route_params),
        query=NoQuery(),
        body=req.get_body(),
        correlation_id=sent if _CORRELATION_ID.fullmatch(sent) else uuid4().hex,
        instance=path,
        base_url=(door.public_url or origin + _prefix(path, route.path)).rstrip("/"),
        headers=headers,
        max_body_bytes=door.max_body_bytes,
    )


def _origin_and_path(url: str) -> tuple[str, str]:
    without_query = url.split("?", 1)[0]
    scheme, separator, rest = without_query.rpartition("://")
    host, _, path = rest.partition("/")
    return scheme + separator + host, "/" + path


def _prefix(path: str, template: str) -> str:
    """What stands before the route itself."""
    parts = path.rstrip("/").split("/")
    return "/".join(parts[: len(parts) - len(template.split("/"))])


def _to_http(response: Response, correlation_id: str) -> func.HttpResponse:
    headers = {"X-Correlation-ID": correlation_id, **response.headers}
    content_type = headers.pop("Content-Type", "application/json")
    return func.HttpResponse(
        _content(response.body),
        status_code=response.status,
        headers=headers,
        mimetype=content_type,
        charset="utf-8",
    )


def _content(body: BaseModel | JSONObject | bytes | str | None) -> bytes | str:
    if isinstance(body, BaseModel):
        return body.model_dump_json(exclude_none=isinstance(body, Problem))
    if isinstance(body, (bytes, str)):
        return body
    return b"" if body is None else to_json(body)


def _facts(route: Route[A, Any], request: Request[Any]) -> dict[str, object]:
    return {"function": route.name, "correlation_id": request.correlation_id}
