"""The shell of every HTTP route: correlation id, call, errors as problem documents."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar, cast
from uuid import uuid4

import azure.functions as func
from pydantic import BaseModel
from pydantic_core import to_json

from schema.errors import BodyTooLargeError, GeojobsError
from schema.json_types import JSONObject, parse_json_object
from triggers.problems import Problem, problem_of, unexpected_problem

_log = logging.getLogger(__name__)

A = TypeVar("A")

_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Access(StrEnum):
    """Who may call a route where keys are checked: anyone, holders of a function key, the master key."""

    OPEN = "open"
    USE = "use"
    ADMIN = "admin"


@dataclass(frozen=True)
class Request:
    """A request as the endpoints see it; ``max_body_bytes`` bounds what ``json_object`` accepts."""

    route: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    correlation_id: str
    instance: str
    headers: Mapping[str, str]
    max_body_bytes: int

    def json_object(self) -> JSONObject:
        """Raises ``BodyTooLargeError`` and ``MalformedJsonError``."""
        if len(self.body) > self.max_body_bytes:
            raise BodyTooLargeError(
                f"the body has {len(self.body)} bytes; at most {self.max_body_bytes} are accepted"
            )
        return parse_json_object(self.body)

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context, if the caller sent a well-formed one."""
        sent = self.headers.get("traceparent", "")
        return sent if _TRACEPARENT.fullmatch(sent) else None


@dataclass(frozen=True)
class Response:
    status: int
    body: BaseModel | JSONObject
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Route(Generic[A]):
    """One row of a blueprint's table: the endpoint gets the application and the request."""

    name: str
    method: str
    path: str
    access: Access
    endpoint: Callable[[A, Request], Response]


_LEVELS = {
    Access.OPEN: func.AuthLevel.ANONYMOUS,
    Access.USE: func.AuthLevel.FUNCTION,
    Access.ADMIN: func.AuthLevel.ADMIN,
}


def blueprint_of(
    routes: tuple[Route[A], ...], application: A, *, check_keys: bool, max_body_bytes: int
) -> func.Blueprint:
    """A blueprint with one function for each route; without ``check_keys`` all are open."""
    blueprint = func.Blueprint()
    for route in routes:
        level = _LEVELS[route.access] if check_keys else func.AuthLevel.ANONYMOUS
        handler = _handler(route, application, max_body_bytes)
        named = blueprint.function_name(route.name)
        routed = blueprint.route(route.path, methods=[route.method], auth_level=level)
        named(routed(handler))
    return blueprint


def _handler(
    route: Route[A], application: A, max_body_bytes: int
) -> Callable[[func.HttpRequest], func.HttpResponse]:
    def handle(req: func.HttpRequest) -> func.HttpResponse:
        request = _request(req, max_body_bytes)
        return _to_http(_call(route, application, request), request.correlation_id)

    return handle


def _call(route: Route[A], application: A, request: Request) -> Response:
    try:
        return route.endpoint(application, request)
    except GeojobsError as exc:
        problem = problem_of(exc, request.instance, request.correlation_id)
        if problem.status >= 500:  # noqa: PLR2004 -- server errors
            _log.exception("request failed", extra=_facts(route, request))
    except Exception:  # noqa: BLE001 -- the boundary: whatever it is, the caller gets a problem document
        _log.exception("request failed unexpectedly", extra=_facts(route, request))
        problem = unexpected_problem(request.instance, request.correlation_id)
    headers = {"Content-Type": "application/problem+json"}
    if problem.status == 503:  # noqa: PLR2004 -- service unavailable
        headers["Retry-After"] = "5"
    return Response(problem.status, problem, headers)


def _request(req: func.HttpRequest, max_body_bytes: int) -> Request:
    given = cast("Mapping[str, str]", req.headers)
    headers = {name.lower(): value for name, value in given.items()}
    sent = headers.get("x-correlation-id", "")
    return Request(
        route=dict(req.route_params),
        query=dict(req.params),
        body=req.get_body(),
        correlation_id=sent if _CORRELATION_ID.fullmatch(sent) else uuid4().hex,
        instance=_path_of(req.url),
        headers=headers,
        max_body_bytes=max_body_bytes,
    )


def _path_of(url: str) -> str:
    without_query = url.split("?", 1)[0]
    return "/" + without_query.split("://", 1)[-1].partition("/")[2]


def _to_http(response: Response, correlation_id: str) -> func.HttpResponse:
    body = response.body
    if isinstance(body, BaseModel):
        text = body.model_dump_json(exclude_none=isinstance(body, Problem))
    else:
        text = to_json(body).decode()
    headers = {"X-Correlation-ID": correlation_id, **response.headers}
    content_type = headers.pop("Content-Type", "application/json")
    return func.HttpResponse(
        text, status_code=response.status, headers=headers, mimetype=content_type, charset="utf-8"
    )


def _facts(route: Route[A], request: Request) -> dict[str, object]:
    return {"function": route.name, "correlation_id": request.correlation_id}
