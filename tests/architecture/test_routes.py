"""Each route says what the OpenAPI document needs of it."""

import re
from typing import Any

import pytest

from registration import JOBS
from schema.access import AuthMode
from triggers.api_document import api_document
from triggers.blueprints import ROUTES
from triggers.http import Route

any_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)


@any_route
def test_its_endpoint_begins_with_a_sentence_on_what_it_does(route: Route[Any, Any]) -> None:
    assert re.match(r"[A-Z].*?\.(\s|$)", route.endpoint.__doc__ or "", re.DOTALL)


@any_route
def test_it_says_what_it_answers(route: Route[Any, Any]) -> None:
    assert route.answers
    assert all(answer.description for answer in route.answers.values())


@any_route
def test_it_belongs_to_a_group(route: Route[Any, Any]) -> None:
    assert route.tag


@any_route
def test_each_of_its_query_parameters_is_described(route: Route[Any, Any]) -> None:
    fields = route.query.model_fields
    assert [name for name, field in fields.items() if not field.description] == []


@any_route
def test_its_path_is_written_as_paths_are(route: Route[Any, Any]) -> None:
    assert re.fullmatch(r"([a-z.-]+|\{[a-z_]+\})(/([a-z.-]+|\{[a-z_]+\}))*", route.path)


def test_a_group_is_described_where_it_is_told() -> None:
    document: Any = api_document(ROUTES, JOBS, AuthMode.KEYS)
    told = {tag for path in document["paths"].values() for one in path.values() for tag in one["tags"]}
    assert told == {tag["name"] for tag in document["tags"]}
