"""One route as an operation of a document."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from schema.access import Access, AuthMode
from schema.json_types import JSONObject, JSONValue
from triggers.http import Answer, Route
from triggers.openapi.components import Components, markdown, models_of, sent, taken
from triggers.openapi.headers import CORRELATION_ID, RETRY_AFTER
from triggers.openapi.security import security_of
from triggers.openapi.supplements import Body, Callback, Header, RefusalFormat, Supplement

_ALWAYS = (HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_JSON = "application/json"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Operations:
    """Describes routes, with the components of the document that they belong to."""

    components: Components
    mode: AuthMode
    path_parameters: Mapping[str, JSONObject]
    refusals: RefusalFormat

    def describe(self, route: Route[Any, Any], supplement: Supplement) -> JSONObject:
        """The operation; ``KeyError`` for a path parameter or a header that nobody has described."""
        summary, description = _told(route)
        operation: JSONObject = {
            "operationId": route.name,
            "tags": [route.tag],
            "summary": summary,
            "parameters": [*self._parameters(route, supplement)],
            "responses": self._responses(route),
            "security": security_of(self.mode, route.access),
        }
        if description:
            operation["description"] = description
        body = supplement.body or _body_of(route)
        if body:
            operation["requestBody"] = self._request_body(body)
        if supplement.callbacks:
            operation["callbacks"] = {one.name: self._callback(one) for one in supplement.callbacks}
        return operation

    def _parameters(self, route: Route[Any, Any], supplement: Supplement) -> Iterator[JSONValue]:
        for name in _PATH_PARAMETER.findall(route.path):
            schema = dict(self.path_parameters[name])
            yield {"name": name, "in": "path", "required": True, **_described(schema)}
        fields = route.query.model_fields
        for name, schema in self.components.fields(route.query).items():
            yield _query_parameter(name, _without_null(schema), required=fields[name].is_required())
        for header in supplement.headers:
            yield _sent_header(header)
        yield {"$ref": f"#/components/parameters/{CORRELATION_ID}"}

    def _responses(self, route: Route[Any, Any]) -> JSONObject:
        responses = {
            str(int(status)): self._answer(status, answer) for status, answer in route.answers.items()
        }
        for status in refused_with(route, self.mode):
            present = responses.get(str(status))
            if present is None:
                responses[str(status)] = {"$ref": f"#/components/responses/{refusal_name(status)}"}
            elif isinstance(content := present.setdefault("content", {}), dict):
                content.update(self._refusal_content())
        if self.mode is AuthMode.KEYS and route.access is not Access.OPEN:
            responses["401"] = {"$ref": "#/components/responses/KeyMissing"}
        return {status: responses[status] for status in sorted(responses)}

    def _answer(self, status: int, answer: Answer) -> JSONObject:
        response: JSONObject = {
            "description": markdown(answer.description),
            "headers": header_references((CORRELATION_ID, *answer.headers)),
        }
        if status not in _BODILESS:
            other: JSONObject = {} if answer.or_media_type is None else {answer.or_media_type: {}}
            response["content"] = {answer.media_type: self._media(answer), **other}
        return response

    def _media(self, answer: Answer) -> JSONObject:
        alternatives = [self.components.reference(sent(model)) for model in models_of(answer)]
        if alternatives:
            return {"schema": _any_of(alternatives)}
        if answer.media_type.endswith("json"):
            return {"schema": {"type": "object"}}
        return {"schema": {"type": "string"}} if answer.media_type.startswith("text/") else {}

    def refusal(self, status: int) -> JSONObject:
        """The component of what is answered where a request is refused with a status."""
        names = [CORRELATION_ID]
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            names.append(RETRY_AFTER)
        if status == HTTPStatus.UNAUTHORIZED:
            names.append("WWW-Authenticate")
        return {
            "description": HTTPStatus(status).phrase,
            "headers": header_references(names),
            "content": self._refusal_content(),
        }

    def _refusal_content(self) -> JSONObject:
        schema = self.components.reference(taken(self.refusals.model))
        return {self.refusals.media_type: {"schema": schema}}

    def _request_body(self, body: Body) -> JSONObject:
        alternatives: list[JSONObject] = [
            {**self.components.reference(taken(model)), "title": title}
            for title, model in body.models.items()
        ]
        media: JSONObject = {"schema": _any_of(alternatives)}
        if body.examples:
            media["examples"] = {title: {"value": value} for title, value in body.examples.items()}
        return {
            "description": markdown(body.description),
            "required": body.required,
            "content": {_JSON: media},
        }

    def _callback(self, callback: Callback) -> JSONObject:
        content: JSONObject = {_JSON: {"schema": self.components.reference(sent(callback.model))}}
        operation: JSONObject = {
            "summary": markdown(callback.description),
            "parameters": [_sent_header(header) for header in callback.headers],
            "requestBody": {"required": True, "content": content},
            "responses": {"2XX": {"description": "Received; anything else is tried again."}},
        }
        return {callback.expression: {"post": operation}}


def refused_with(route: Route[Any, Any], mode: AuthMode) -> list[int]:
    """The statuses of a route's problem documents, in order."""
    statuses = {*map(int, _ALWAYS), *route.problems}
    if mode is AuthMode.ENTRA and route.access is not Access.OPEN:
        statuses |= {int(HTTPStatus.UNAUTHORIZED), int(HTTPStatus.FORBIDDEN)}
    return sorted(statuses)


def refusal_name(status: int) -> str:
    return "".join(word.capitalize() for word in HTTPStatus(status).phrase.split())


def key_missing() -> JSONObject:
    """The component of what the platform itself answers where a key is missing or wrong."""
    return {"description": "The key is missing or wrong. This is the platform's own answer: it has no body."}


def _any_of(schemas: list[JSONObject]) -> JSONObject:
    """The schema of what fits any of these."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": [*schemas]}


def header_references(names: Iterable[str]) -> JSONObject:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _told(route: Route[Any, Any]) -> tuple[str, str]:
    """The first sentence of the endpoint's docstring, and the rest."""
    text = markdown(cleandoc(route.endpoint.__doc__ or ""))
    first, _, paragraphs = text.partition("\n\n")
    summary, _, sentences = first.partition(". ")
    rest = "\n\n".join(part for part in (sentences, paragraphs) if part)
    return summary.removesuffix("."), rest


def _body_of(route: Route[Any, Any]) -> Body | None:
    return None if route.body is None else Body("", {route.body.__name__: route.body}, required=True)


def _query_parameter(name: str, schema: JSONObject, *, required: bool) -> JSONObject:
    """A list stands in one parameter, separated by commas: the platform joins several of one name so."""
    listed: JSONObject = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "required": required, **listed, **_described(schema)}


def _sent_header(header: Header) -> JSONObject:
    return {
        "name": header.name,
        "in": "header",
        "description": markdown(header.description),
        "schema": dict(header.schema),
    }


def _described(schema: JSONObject) -> JSONObject:
    """The schema of a parameter, its description beside it."""
    rest = dict(schema)
    description = rest.pop("description", None)
    return {"schema": rest} if description is None else {"description": description, "schema": rest}


def _without_null(schema: JSONObject) -> JSONObject:
    """A query has no null: what may be left out is not there instead."""
    rest = {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    alternatives = rest.get("anyOf")
    if not isinstance(alternatives, list):
        return rest
    left = [one for one in alternatives if one != {"type": "null"}]
    if len(left) == 1 and isinstance(left[0], dict):
        del rest["anyOf"]
        return {**left[0], **rest}
    return {**rest, "anyOf": left}
