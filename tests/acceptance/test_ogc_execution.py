"""OGC API - Processes 1.0: the execution of processes. Tests bear the names of the abstract test suite
(18-062r2, annex A), after their conformance class."""

import base64
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from ogc_api_processes_client.models.exception import Exception as StandardException
from ogc_api_processes_client.models.status_info import StatusInfo

from tests.acceptance.hosting import Host
from tests.support.ogc import EXCEPTION, JSON, answered, link

ECHO = "ogc/processes/echo/execution"


def execute(host: Host, body: dict[str, Any], **headers: str) -> httpx.Response:
    return host.http.post(ECHO, json=body, headers={**JSON, **headers})


def text() -> str:
    return uuid4().hex


def stored(host: Host, answer: httpx.Response) -> dict[str, Any]:
    """The parameters of the job that an execution made."""
    job_id = answer.json()["jobID"].split(".")[0]
    return host.status(job_id)["parameters"]


def pointers(answer: httpx.Response) -> list[str]:
    refused = answered(StandardException, answer, 400)
    return [error["pointer"] for error in refused["errors"]]


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}, {"Prefer": "respond-sync, wait=5"}])
def test_core_job_creation_execution_mode_is_always_asynchronous(host: Host, prefer: dict[str, str]) -> None:
    answer = execute(host, {"inputs": {"message": text()}}, **prefer)
    assert answer.headers["preference-applied"] == "respond-async"
    answered(StatusInfo, answer, 201)


def test_core_job_creation_success_async(host: Host) -> None:
    answer = execute(host, {"inputs": {"message": text()}})
    info = answered(StatusInfo, answer, 201)
    location = answer.headers["location"]
    assert location == f"{host.http.base_url}ogc/jobs/{info['jobID']}"
    assert answered(StatusInfo, host.http.get(location))["jobID"] == info["jobID"]
    assert link(info, "self")["href"] == location


def test_core_job_creation_sends_the_names_of_1_0_and_of_the_draft_of_2_0(host: Host) -> None:
    info = execute(host, {"inputs": {"message": text()}}).json()
    assert (info["jobID"], info["type"]) == (info["id"], info["processingEntityType"])
    assert (info["type"], info["processID"]) == ("process", "echo")


def test_core_job_creation_with_the_same_inputs_is_the_same_job(host: Host) -> None:
    body = {"inputs": {"message": text()}}
    first, second = execute(host, body), execute(host, body)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.headers["location"] == second.headers["location"]
    job_id = first.json()["jobID"]
    assert host.wait(job_id)["run"] == 1


def test_core_job_creation_starts_no_other_run_of_a_job_that_has_ended(host: Host) -> None:
    body = {"inputs": {"message": text()}}
    job_id = execute(host, body).json()["jobID"]
    host.wait(job_id)
    assert pointers(execute(host, {**body, "rerun": True})) == ["/rerun"]
    assert execute(host, body).json()["jobID"] == job_id
    assert host.status(job_id)["run"] == 1


def test_core_job_creation_input_inline(host: Host) -> None:
    message = text()
    answer = execute(host, {"inputs": {"message": message, "pause": 0, "note": "ü"}})
    answered(StatusInfo, answer, 201)
    assert stored(host, answer)["message"] == message
    assert stored(host, answer)["note"] == "ü"


def test_core_job_creation_input_inline_object(host: Host) -> None:
    message = text()
    answer = execute(host, {"inputs": {"message": {"value": message, "mediaType": "text/plain"}}})
    answered(StatusInfo, answer, 201)
    assert stored(host, answer)["message"] == message


@pytest.mark.parametrize(
    "href",
    [
        "data:,hello%20{}",
        "data:text/plain,hello%20{}",
        "data:application/json,%22hello%20{}%22",
    ],
)
def test_core_job_creation_input_ref(host: Host, href: str) -> None:
    word = text()
    answer = execute(host, {"inputs": {"message": {"href": href.format(word), "type": "text/plain"}}})
    answered(StatusInfo, answer, 201)
    assert stored(host, answer)["message"] == f"hello {word}"


def test_core_job_creation_input_inline_binary(host: Host) -> None:
    word = text()
    encoded = base64.b64encode(word.encode()).decode()
    answer = execute(host, {"inputs": {"message": {"href": f"data:text/plain;base64,{encoded}"}}})
    answered(StatusInfo, answer, 201)
    assert stored(host, answer)["message"] == word


@pytest.mark.parametrize(
    "href",
    [
        "http://127.0.0.1/",
        "https://example.com/a.json",
        "file:///etc/passwd",
        "data:;base64,***",
        "data:x",
        "",
    ],
)
def test_core_job_creation_fetches_nothing(host: Host, href: str) -> None:
    assert pointers(execute(host, {"inputs": {"message": {"href": href}}})) == ["/inputs/message"]


@pytest.mark.parametrize(
    ("inputs", "pointer"),
    [
        ({}, "/inputs/message"),
        ({"message": 7}, "/inputs/message"),
        ({"message": "x" * 1_001}, "/inputs/message"),
        ({"message": "m", "pause": -1}, "/inputs/pause"),
        ({"message": "m", "pause": "5"}, "/inputs/pause"),
        ({"message": "m", "pause": {"value": 1.5}}, "/inputs/pause"),
        ({"message": "m", "unknown": 1}, "/inputs/unknown"),
        ({"message": "m", "un/kno~wn": 1}, "/inputs/un~1kno~0wn"),
        ({"message": ["m"]}, "/inputs/message"),
    ],
)
def test_core_job_creation_input_validation(host: Host, inputs: dict[str, Any], pointer: str) -> None:
    assert pointers(execute(host, {"inputs": inputs})) == [pointer]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"inputs": []}, "/inputs"),
        ({"inputs": {"message": "m"}, "invalid-execute-request": "true)"}, "/invalid-execute-request"),
        ({"inputs": {"message": "m"}, "response": "both"}, "/response"),
        ({"inputs": {"message": "m"}, "outputs": {"none": {}}}, "/outputs/none"),
        ({"inputs": {"message": "m"}, "outputs": {"note": {"transmissionMode": "mail"}}}, None),
        ({"inputs": {"message": "m"}, "subscriber": {"successURI": "x"}}, "/subscriber/successURI"),
    ],
)
def test_core_job_creation_request(host: Host, body: dict[str, Any], pointer: str | None) -> None:
    expected = pointer or "/outputs/note/transmissionMode"
    assert pointers(execute(host, body)) == [expected]


@pytest.mark.parametrize("content", [b"{", b"[]", b'"a"', b"\xff", b'{"inputs": NaN}', b"[" * 1_000])
def test_core_job_creation_of_what_is_no_request_is_refused(host: Host, content: bytes) -> None:
    answer = host.http.post(ECHO, content=content, headers=JSON)
    answered(StandardException, answer, 400)


def test_core_job_creation_of_no_such_process(host: Host) -> None:
    answer = host.http.post("ogc/processes/nonsense/execution", json={"inputs": {}}, headers=JSON)
    assert answered(StandardException, answer, 404)["type"] == f"{EXCEPTION}no-such-process"


def test_core_job_creation_without_a_subscribers_host_on_the_list_is_refused(host: Host) -> None:
    body = {
        "inputs": {"message": text()},
        "subscriber": {"successUri": "https://127.0.0.1/", "failedUri": "http://example.com/"},
    }
    assert pointers(execute(host, body)) == ["/subscriber/successUri", "/subscriber/failedUri"]


def test_core_job_ids_begin_with_the_jobs_own(host: Host) -> None:
    body = {"inputs": {"message": text()}, "response": "document", "outputs": {"note": {}}}
    job_id = execute(host, body).json()["jobID"]
    assert re.fullmatch(r"[0-9a-f]{64}\.document\.note", job_id)
    assert host.wait(job_id.split(".")[0])["status"] == "completed"
