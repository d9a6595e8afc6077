"""The OpenAPI document says all of the routes, nothing else, and holds together."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from registration import JOBS
from schema.access import Access, AuthMode
from triggers.api_document import api_document
from triggers.blueprints import ROUTES
from triggers.http import Answer, Request, Response, Route
from triggers.ogc.routes import OGC_TAG
from triggers.openapi import About, Supplement, openapi_document
from triggers.query import Flag, Query

DESCRIBED = [route for route in ROUTES if route.tag != OGC_TAG]
ALWAYS = {400, 500, 503}
DOCUMENTS = {mode: api_document(ROUTES, JOBS, mode) for mode in AuthMode}

Json = Any
any_mode = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
any_route = pytest.mark.parametrize("route", DESCRIBED, ids=lambda route: route.name)


def operation(route: Route[Any, Any], mode: AuthMode = AuthMode.KEYS) -> Json:
    paths: Json = DOCUMENTS[mode]["paths"]
    return paths[f"/{route.path}"][route.method.lower()]


def resolved(reference: str, document: Json) -> Json:
    """What a reference within the document stands for; ``KeyError`` where there is nothing."""
    found = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


def references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@any_mode
def test_it_is_valid(document: Json) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


@any_mode
def test_it_has_every_route_and_no_other(document: Json) -> None:
    told = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(route.method.lower(), f"/{route.path}") for route in DESCRIBED}


def test_it_leaves_to_the_other_document_what_is_told_there() -> None:
    assert all(route.path.split("/")[0] == "ogc" for route in ROUTES if route not in DESCRIBED)


@any_mode
def test_no_two_operations_share_a_name(document: Json) -> None:
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert sorted(set(names)) == sorted(names)


@any_mode
def test_every_reference_leads_somewhere(document: Json) -> None:
    assert all(resolved(reference, document) is not None for reference in references(document))


@any_mode
def test_no_component_is_there_for_nothing(document: Json) -> None:
    components = document["components"]
    used = set(references(document))
    used |= {
        f"#/components/securitySchemes/{name}"
        for path in document["paths"].values()
        for operation in path.values()
        for alternative in operation["security"]
        for name in alternative
    }
    there = {f"#/components/{kind}/{name}" for kind, entries in components.items() for name in entries}
    assert there == used


@any_route
def test_an_operation_has_each_status_that_the_route_may_answer(route: Route[Any, Any]) -> None:
    closed = set() if route.access is Access.OPEN else {401}
    expected = {*route.answers, *route.problems, *ALWAYS, *closed}
    assert {int(status) for status in operation(route)["responses"]} == expected


@any_route
def test_an_operation_has_each_parameter_of_the_route(route: Route[Any, Any]) -> None:
    found = operation(route)["parameters"]
    by_place = {
        place: [parameter["name"] for parameter in found if parameter.get("in") == place]
        for place in ("path", "query")
    }
    assert by_place["path"] == re.findall(r"\{(\w+)\}", route.path)
    assert by_place["query"] == list(route.query.model_fields)
    assert {"$ref": "#/components/parameters/X-Correlation-ID"} in found


@any_route
def test_a_parameter_is_described_and_is_never_null(route: Route[Any, Any]) -> None:
    for parameter in operation(route)["parameters"]:
        if "$ref" not in parameter:
            assert parameter["description"]
            assert "null" not in json.dumps(parameter["schema"])


@any_route
def test_an_answer_says_which_headers_it_has(route: Route[Any, Any]) -> None:
    responses = operation(route)["responses"]
    for status, answer in route.answers.items():
        assert set(responses[str(status)]["headers"]) == {"X-Correlation-ID", *answer.headers}


@any_mode
def test_what_is_refused_is_a_problem_document(document: Json) -> None:
    for name, response in document["components"]["responses"].items():
        if name != "KeyMissing":
            assert response["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }


def test_without_a_key_the_platform_answers_without_a_body() -> None:
    missing: Json = resolved("#/components/responses/KeyMissing", DOCUMENTS[AuthMode.KEYS])
    assert "content" not in missing
    assert "headers" not in missing


@pytest.mark.parametrize(
    ("mode", "access", "expected"),
    [
        (AuthMode.KEYS, Access.OPEN, []),
        (AuthMode.KEYS, Access.READ, [{"functionKey": []}, {"functionKeyInQuery": []}]),
        (AuthMode.KEYS, Access.SUBMIT, [{"functionKey": []}, {"functionKeyInQuery": []}]),
        (AuthMode.KEYS, Access.ADMIN, [{"masterKey": []}, {"masterKeyInQuery": []}]),
        (AuthMode.ENTRA, Access.OPEN, []),
        (
            AuthMode.ENTRA,
            Access.SUBMIT,
            [{"entra": ["geojobs.admin"]}, {"entra": ["geojobs.submit"]}],
        ),
        (AuthMode.ENTRA, Access.ADMIN, [{"entra": ["geojobs.admin"]}]),
        (AuthMode.ANONYMOUS, Access.ADMIN, []),
    ],
)
def test_an_operation_says_what_opens_it(mode: AuthMode, access: Access, expected: Json) -> None:
    routes = [route for route in DESCRIBED if route.access is access]
    assert routes
    assert [operation(route, mode)["security"] for route in routes] == [expected] * len(routes)


def test_with_entra_a_missing_role_is_told_apart_from_a_missing_token() -> None:
    closed = [route for route in DESCRIBED if route.access is not Access.OPEN]
    assert all({"401", "403"} <= set(operation(route, AuthMode.ENTRA)["responses"]) for route in closed)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.job_type)
def test_the_example_of_a_job_type_fits_its_schema(job: Any) -> None:
    document = DOCUMENTS[AuthMode.KEYS]
    submit = next(route for route in DESCRIBED if route.name == "submit_job")
    media = operation(submit)["requestBody"]["content"]["application/json"]
    (schema,) = [one for one in media["schema"]["anyOf"] if one["title"] == job.job_type]
    assert media["examples"][job.job_type]["value"] == job.example
    Draft202012Validator({**schema, "components": document["components"]}).validate(job.example)


def test_a_submission_says_how_it_is_told_of_the_runs_end() -> None:
    submit = next(route for route in DESCRIBED if route.name == "submit_job")
    (expression,) = operation(submit)["callbacks"]["job_news"]
    assert expression == "{$request.header.X-Callback-URL}"
    assert "X-Callback-URL" in [parameter.get("name") for parameter in operation(submit)["parameters"]]


def test_it_is_the_same_each_time() -> None:
    assert json.dumps(api_document(ROUTES, JOBS, AuthMode.KEYS)) == json.dumps(DOCUMENTS[AuthMode.KEYS])


class Cat(BaseModel):
    """A ``cat``."""

    name: str
    friend: "Dog | None" = None


class Dog(BaseModel):
    name: str


class Unused(Query):
    """Of queries the fields are told, not the model."""

    loud: Flag | None = Field(None, description="how")


def bark(_app: None, _request: Request[Unused]) -> Response:
    """Bark at ``someone``. Not at

    everyone.
    """
    raise NotImplementedError


ANIMALS = openapi_document(
    [
        Route(
            "bark",
            "GET",
            "bark",
            Access.OPEN,
            bark,
            {
                200: Answer("``Either``.", Cat | Dog),
                204: Answer("Nothing."),
                503: Answer("Asleep.", Dog),
            },
            "animals",
            Unused,
        )
    ],
    About("Animals", "All of them.", {"animals": "They are."}),
    AuthMode.ANONYMOUS,
    path_parameters={},
    supplements={"bark": Supplement()},
)


def bark_operation() -> Json:
    paths: Json = ANIMALS["paths"]
    return paths["/bark"]["get"]


def test_a_docstring_is_summary_and_description_in_markdown() -> None:
    assert (bark_operation()["summary"], bark_operation()["description"]) == (
        "Bark at `someone`",
        "Not at\n\neveryone.",
    )


def test_a_models_docstring_is_its_description() -> None:
    assert resolved("#/components/schemas/Cat", ANIMALS)["description"] == "A `cat`."


def test_alternatives_are_all_told() -> None:
    ok = bark_operation()["responses"]["200"]
    assert ok["description"] == "`Either`."
    assert list(references(ok["content"])) == ["#/components/schemas/Cat", "#/components/schemas/Dog"]


def test_an_answer_without_a_body_has_no_content() -> None:
    assert "content" not in bark_operation()["responses"]["204"]


def test_a_status_that_is_an_answer_or_a_problem_is_both() -> None:
    assert list(bark_operation()["responses"]["503"]["content"]) == [
        "application/json",
        "application/problem+json",
    ]


def test_what_a_query_may_leave_out_is_just_not_there() -> None:
    (loud, _) = bark_operation()["parameters"]
    assert loud == {
        "name": "loud",
        "in": "query",
        "required": False,
        "description": "how",
        "schema": {"type": "boolean"},
    }


def test_only_what_is_referred_to_is_a_component() -> None:
    assert list(resolved("#/components/schemas", ANIMALS)) == ["Cat", "Dog", "InvalidField", "Problem"]
