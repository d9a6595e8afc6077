"""Results in the form that the caller wants."""

from email import message_from_bytes

import pytest

from orchestration.ogc.results import JobResults, Output
from schema.ogc import Link, ResponseForm
from triggers.ogc.errors import accepts
from triggers.ogc.results import results_response

ONE = Output("one", {"a": 1})
TWO = Output("two", [1, 2])
ELSEWHERE = Output("there", link=Link(href="https://host/there", type="application/json"))


@pytest.mark.parametrize("outputs", [[], [ONE], [ONE, TWO, ELSEWHERE]])
def test_a_document_has_every_output(outputs: list[Output]) -> None:
    response = results_response(JobResults(ResponseForm.DOCUMENT, outputs), {})
    whole = {
        "one": {"value": {"a": 1}},
        "two": [1, 2],
        "there": {"href": "https://host/there", "type": "application/json"},
    }
    assert response.body == {output.name: whole[output.name] for output in outputs}


def test_one_raw_output_is_the_body() -> None:
    response = results_response(JobResults(ResponseForm.RAW, [ONE]), {})
    assert (response.status, response.body) == (200, b'{"a":1}')


def test_nothing_raw_is_no_content() -> None:
    response = results_response(JobResults(ResponseForm.RAW, []), {})
    assert (response.status, response.body, response.headers) == (204, None, {})


def test_raw_outputs_that_are_all_elsewhere_are_links() -> None:
    response = results_response(JobResults(ResponseForm.RAW, [ELSEWHERE]), {})
    assert response.status == 204
    assert response.headers["Link"].startswith("<https://host/there>; ")


def test_several_raw_outputs_are_parts() -> None:
    response = results_response(JobResults(ResponseForm.RAW, [ONE, ELSEWHERE]), {})
    assert isinstance(response.body, bytes)
    head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
    first, second = message_from_bytes(head + response.body).get_payload()
    assert (first["Content-ID"], first.get_payload()) == ("one", '{"a":1}')
    assert (second["Content-Location"], second.get_payload()) == ("https://host/there", "")


@pytest.mark.parametrize(
    ("outputs", "accept", "is_document"),
    [
        ([ONE], "*/*", False),
        ([ONE, TWO], "*/*", True),
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
