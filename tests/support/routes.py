"""Calls the app's HTTP routes in this process, through their whole shell but without a host."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func

from schema.access import AuthMode
from triggers import http
from triggers.application import Application
from triggers.blueprints import ROUTES

ALL_ROUTES = ROUTES


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content_type: str
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error_pointers(self) -> list[str]:
        return [error["pointer"] for error in self.json()["errors"]]


def call(
    application: Application,
    method: str,
    target: str,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    mode: AuthMode = AuthMode.ANONYMOUS,
    routes: tuple[http.Route[Any, Any], ...] = ALL_ROUTES,
) -> Answer:
    """Call the route for ``target``, such as ``/db/jobs?limit=5``; ``LookupError`` where there is none."""
    path = urlsplit(target).path.strip("/")
    route, parameters = _route_for(routes, method, path)
    request = func.HttpRequest(
        method=method,
        url=f"http://localhost:7071/api/{path}",
        headers=headers or {},
        params=dict(parse_qsl(urlsplit(target).query, keep_blank_values=True)),
        route_params=parameters,
        body=body,
    )
    door = http.Door(mode=mode, max_body_bytes=application.max_body_bytes)
    response = http._handler(route, application, door)(request)
    return Answer(
        response.status_code,
        dict(response.headers),
        response.mimetype,
        response.get_body().decode(response.charset),
    )


def _route_for(
    routes: tuple[http.Route[Any, Any], ...], method: str, path: str
) -> tuple[http.Route[Any, Any], dict[str, str]]:
    found = []
    for route in routes:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path)
        match = re.fullmatch(pattern, path)
        if match and route.method == method:
            found.append((len(match.groupdict()), route, match.groupdict()))
    if not found:
        raise LookupError(f"no route for {method} {path}")
    _, route, parameters = min(found, key=lambda entry: entry[0])
    return route, parameters
