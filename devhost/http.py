"""HTTP triggers: from a request through its function to the response, as the Functions host does it."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, cast

import azure.functions as func
from azure.functions import http as converters
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devhost.errors import StartError
from devhost.functions import HttpFunction
from devhost.invocations import Invocations
from devhost.keys import Keys, Level
from devhost.routing import Route, Router, RouteTemplate

_SET_BY_THE_SERVER = {"content-length", "transfer-encoding", "connection"}


@dataclass(frozen=True)
class HttpLimits:
    """What Azure's front end allows: bytes of a body, seconds until it gives up on an answer."""

    max_body_bytes: int = 100 * 1024 * 1024
    timeout: float = 230.0


class HttpTriggers:
    """The ASGI application over all HTTP functions."""

    def __init__(
        self,
        functions: Iterable[HttpFunction],
        prefix: str,
        keys: Keys,
        invocations: Invocations,
        limits: HttpLimits | None = None,
    ) -> None:
        self._router = Router(_routes(functions, prefix))
        self._keys = keys
        self._invocations = invocations
        self._limits = limits or HttpLimits()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        found = self._router.find(request.method, request.scope["raw_path"].decode("latin-1"))
        if found is None:
            return Response(status_code=404)
        function, values = found
        if not self._keys.open(function.level, _given_key(request)):
            return Response(status_code=401)
        body = await _read_body(request, self._limits.max_body_bytes)
        if body is None:
            return Response(status_code=413, headers={"Connection": "close"})
        return await self._invoke(function, _to_function(request, values, body))

    async def _invoke(self, function: HttpFunction, request: func.HttpRequest) -> Response:
        """Past the limit the caller gets 504, and the function goes on, as behind Azure's front end."""
        future = asyncio.wrap_future(self._invocations.submit(function.code, request))
        future.add_done_callback(_retrieve)
        done, _ = await asyncio.wait({future}, timeout=self._limits.timeout)
        if not done:
            return Response(status_code=504)
        if future.cancelled() or future.exception() is not None:
            return Response(status_code=500)
        return _to_response(future.result())


def _routes(functions: Iterable[HttpFunction], prefix: str) -> list[Route[HttpFunction]]:
    routes = [
        Route(RouteTemplate.parse(f"{prefix}/{function.route}"), function.methods, function)
        for function in functions
    ]
    for position, one in enumerate(routes):
        for other in routes[:position]:
            same = one.target.route.lower() == other.target.route.lower()
            if same and (not one.methods or not other.methods or one.methods & other.methods):
                raise StartError(
                    f"functions {other.target.code.name!r} and {one.target.code.name!r} share the route "
                    f"{one.target.route!r} and a method"
                )
    return routes


def needs_keys(functions: Iterable[HttpFunction]) -> bool:
    return any(function.level is not Level.ANONYMOUS for function in functions)


def _given_key(request: Request) -> str | None:
    return request.headers.get("x-functions-key") or request.query_params.get("code")


async def _read_body(request: Request, limit: int) -> bytes | None:
    """The body, or ``None`` where it is larger than allowed."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit:
        return None
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


def _to_function(request: Request, values: dict[str, str], body: bytes) -> func.HttpRequest:
    return func.HttpRequest(
        method=request.method,
        url=_url(request),
        headers=_joined(request.headers.items(), ", "),
        params=_without_empty(_joined(_query(request), ",")),
        route_params=values,
        body=body,
    )


def _url(request: Request) -> str:
    """The address as it was asked for, its path still percent-encoded."""
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{request.url.scheme}://{request.url.netloc}{path}{'?' if query else ''}{query}"


def _query(request: Request) -> list[tuple[str, str]]:
    return QueryParams(request.scope["query_string"]).multi_items()


def _joined(items: Iterable[tuple[str, str]], separator: str) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in items:
        values.setdefault(name, []).append(value)
    return {name: separator.join(parts) for name, parts in values.items()}


def _without_empty(values: dict[str, str]) -> dict[str, str]:
    """The Functions host does not pass a query parameter without a value on to the Python worker."""
    return {name: value for name, value in values.items() if value}


def _to_response(result: object) -> Response:
    """The library's own conversion, as the Python worker applies it; what it cannot convert is a 500."""
    if result is None:
        return Response(status_code=204)
    try:
        datum = converters.HttpResponseConverter.encode(result, expected_type=None)
    except NotImplementedError:
        return Response(status_code=500)
    if datum.type == "string":
        return Response(datum.value, media_type="text/plain")
    parts = cast("dict[str, Any]", datum.value)
    headers = {
        name: header.value
        for name, header in parts["headers"].items()
        if name.lower() not in _SET_BY_THE_SERVER
    }
    response = Response(parts["body"].value, status_code=int(parts["status_code"].value), headers=headers)
    for cookie in cast("list[SimpleCookie]", parts["cookies"] or []):
        for morsel in cookie.values():
            response.headers.append("set-cookie", morsel.OutputString())
    return response


def _retrieve(future: "asyncio.Future[object] | Future[object]") -> None:
    """Look at the outcome, so that the loop does not report an error nobody waited for: it is logged."""
    if not future.cancelled():
        future.exception()
