"""Every error has a place in the tree, a code of its own and a status."""

import inspect
import re
from http import HTTPStatus

import pytest

from schema import errors
from schema.errors import GeojobsError, InputError, ServiceUnavailableError
from triggers.problems import STATUS, status_of


def _all_below(kind: type[GeojobsError]) -> list[type[GeojobsError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _all_below(child))]


ERRORS = [kind for kind in _all_below(GeojobsError) if kind.__module__ == "schema.errors"]


def test_the_modules_docstring_shows_the_tree() -> None:
    parents: list[str] = []
    edges = set()
    for drawn in re.finditer(r"^([│├└─ ]*)([A-Z]\w+Error)\b", inspect.getdoc(errors) or "", re.MULTILINE):
        depth, name = len(drawn[1]) // 4, drawn[2]
        parents[depth:] = [name]
        edges.add((name, parents[depth - 1] if depth else "Exception"))
    assert edges == {(kind.__name__, kind.__base__.__name__) for kind in ERRORS if kind.__base__}


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in ERRORS]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("kind", ERRORS)
def test_a_code_is_written_as_codes_are(kind: type[GeojobsError]) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", kind.code)


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_has_the_status_of_its_kind(kind: type[GeojobsError]) -> None:
    status = status_of(kind)
    if issubclass(kind, InputError):
        assert HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    elif issubclass(kind, ServiceUnavailableError):
        assert status is HTTPStatus.SERVICE_UNAVAILABLE
    else:
        assert status is HTTPStatus.INTERNAL_SERVER_ERROR


def test_every_input_error_is_named_in_the_map_of_statuses() -> None:
    assert [kind for kind in ERRORS if issubclass(kind, InputError) and kind not in STATUS] == []


def test_the_map_of_statuses_names_no_other_errors() -> None:
    assert set(STATUS) <= set(ERRORS)
