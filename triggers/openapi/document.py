"""The whole document: paths, components, who may call."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schema.access import Access, AuthMode
from schema.json_types import JSONObject
from schema.version import VERSION
from triggers.http import Route
from triggers.openapi.components import Components, Use, models_of, sent, taken
from triggers.openapi.headers import CORRELATION_ID, RETRY_AFTER, request_correlation_id, response_header
from triggers.openapi.operations import Operations, key_missing, refusal_name, refused_with
from triggers.openapi.security import security_schemes
from triggers.openapi.supplements import RefusalFormat, Supplement

Routes = Sequence[Route[Any, Any]]

_NOTHING_MORE = Supplement()


@dataclass(frozen=True)
class About:
    """What the document is called and says of itself; ``tags`` describes the groups of its operations."""

    title: str
    description: str
    tags: Mapping[str, str]
    server: str = "/api"


def openapi_document(
    routes: Routes,
    about: About,
    mode: AuthMode,
    *,
    path_parameters: Mapping[str, JSONObject],
    supplements: Mapping[str, Supplement] | None = None,
    refusals: RefusalFormat | None = None,
) -> JSONObject:
    """An OpenAPI 3.1 document of routes.

    ``path_parameters`` has the JSON Schema of each name in the routes' paths; ``supplements`` what is to be
    said of routes besides, by their names.
    """
    more = supplements or {}
    refused = refusals or RefusalFormat()
    uses = (*_uses_of_routes(routes), *_uses_of_supplements(more.values()), taken(refused.model))
    operations = Operations(Components(uses), mode, path_parameters, refused)
    described: dict[str, JSONObject] = {f"/{route.path}": {} for route in routes}
    for route in routes:
        operation = operations.describe(route, more.get(route.name, _NOTHING_MORE))
        described[f"/{route.path}"][route.method.lower()] = operation
    paths: JSONObject = {**described}
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "description": about.description, "version": VERSION},
        "servers": [{"url": about.server}],
        "tags": [{"name": name, "description": text} for name, text in about.tags.items()],
        "paths": paths,
        "components": _components(routes, operations, paths),
    }


def _uses_of_routes(routes: Routes) -> Iterator[Use]:
    for route in routes:
        yield taken(route.query)
        if route.body is not None:
            yield taken(route.body)
        for answer in route.answers.values():
            yield from map(sent, models_of(answer))


def _uses_of_supplements(supplements: Iterable[Supplement]) -> Iterator[Use]:
    for supplement in supplements:
        if supplement.body is not None:
            yield from map(taken, supplement.body.models.values())
        yield from (sent(callback.model) for callback in supplement.callbacks)


def _components(routes: Routes, operations: Operations, paths: JSONObject) -> JSONObject:
    statuses = {status for route in routes for status in refused_with(route, operations.mode)}
    responses: JSONObject = {refusal_name(status): operations.refusal(status) for status in sorted(statuses)}
    if operations.mode is AuthMode.KEYS and any(route.access is not Access.OPEN for route in routes):
        responses["KeyMissing"] = key_missing()
    names = {CORRELATION_ID, RETRY_AFTER}
    names |= {name for route in routes for answer in route.answers.values() for name in answer.headers}
    if operations.mode is AuthMode.ENTRA:
        names.add("WWW-Authenticate")
    return {
        "schemas": operations.components.used_by([paths, responses]),
        "responses": responses,
        "headers": {name: response_header(name) for name in sorted(names)},
        "parameters": {CORRELATION_ID: request_correlation_id()},
        "securitySchemes": security_schemes(operations.mode),
    }
