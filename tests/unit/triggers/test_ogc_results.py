"""Results in the form that the caller wants."""

from email import message_from_bytes
from typing import Any

import pytest

from orchestration.ogc.results import JobResults, Output
from schema.ogc import Link, ResponseForm, TransmissionMode
from triggers.ogc.errors import accepts
from triggers.ogc.results import results_response

ONE = Output("one", {"a": 1})
TWO = Output("two", [1, 2])
BY_REFERENCE = TransmissionMode.REFERENCE
ELSEWHERE = Output("there", None, Link(href="https://host/there", type="application/json"), BY_REFERENCE)
NULL = Output("null")
NOWHERE = Output("nowhere", mode=BY_REFERENCE)


def parts_of(outputs: list[Output]) -> Any:
    response = results_response(JobResults(ResponseForm.RAW, outputs), {})
    assert isinstance(response.body, bytes)
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    return message_from_bytes(head + response.body).get_payload()


@pytest.mark.parametrize("outputs", [[], [ONE], [ONE, TWO, ELSEWHERE]])
def test_a_document_has_every_output(outputs: list[Output]) -> None:
    response = results_response(JobResults(ResponseForm.DOCUMENT, outputs), {})
    whole = {
        "one": {"value": {"a": 1}},
        "two": [1, 2],
        "there": {"href": "https://host/there", "type": "application/json"},
    }
    assert response.body == {output.name: whole[output.name] for output in outputs}


def test_a_document_leaves_out_what_is_null() -> None:
    response = results_response(JobResults(ResponseForm.DOCUMENT, [NULL, TWO, NOWHERE]), {})
    assert response.body == {"two": [1, 2]}


@pytest.mark.parametrize(("output", "body"), [(ONE, b'{"a":1}'), (NULL, b"null")])
@pytest.mark.parametrize("form", [ResponseForm.RAW, None])
def test_one_raw_output_is_the_body(output: Output, body: bytes, form: ResponseForm | None) -> None:
    response = results_response(JobResults(form, [output]), {})
    assert (response.status, response.body) == (200, body)


def test_nothing_raw_is_no_content() -> None:
    response = results_response(JobResults(ResponseForm.RAW, []), {})
    assert (response.status, response.body, response.headers) == (204, None, {})


@pytest.mark.parametrize("outputs", [[ELSEWHERE], [NOWHERE, ELSEWHERE]])
def test_raw_outputs_that_are_all_elsewhere_are_links(outputs: list[Output]) -> None:
    response = results_response(JobResults(ResponseForm.RAW, outputs), {})
    assert response.status == 204
    assert response.headers["Link"].startswith("<https://host/there>; ")


def test_several_raw_outputs_are_parts() -> None:
    first, second = parts_of([ONE, ELSEWHERE])
    assert (first["Content-ID"], first.get_payload()) == ("one", '{"a":1}')
    assert (second["Content-Location"], second.get_payload()) == ("https://host/there", "")


def test_several_raw_outputs_are_parts_though_all_but_one_are_null() -> None:
    parts = parts_of([ONE, NULL, NOWHERE])
    assert [(part["Content-ID"], part.get_payload()) for part in parts] == [
        ("one", '{"a":1}'),
        ("null", "null"),
    ]


@pytest.mark.parametrize(
    ("outputs", "accept", "is_document"),
    [
        ([ONE], "*/*", False),
        ([NULL], "*/*", False),
        ([ONE, TWO], "*/*", True),
        ([ONE, NULL], "*/*", True),
        ([NULL, NOWHERE], "*/*", True),
        ([ONE, TWO], "application/json", True),
        ([ONE, TWO], 'application/json;q=0.5, multipart/related; type="x"', False),
        ([], "", True),
    ],
)
def test_without_a_form_the_server_chooses(outputs: list[Output], accept: str, is_document: bool) -> None:
    response = results_response(JobResults(None, outputs), {"accept": accept})
    assert isinstance(response.body, dict) is is_document


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("", False), ("a/b", True), ("x, A/B;q=1", True), ("a/bc", False), ("*/*", False)],
)
def test_a_media_type_is_accepted_where_it_is_named(accept: str, expected: bool) -> None:
    assert accepts({"accept": accept}, "a/b") is expected
