"""OGC API - Processes 1.0: jobs, their results, their list, their end. Tests bear the names of the abstract
test suite (18-062r2, annex A), after their conformance class."""

from email import message_from_bytes
from typing import Any
from uuid import uuid4

import httpx
import pytest
from ogc_api_processes_client.models.exception import Exception as StandardException
from ogc_api_processes_client.models.inline_or_ref_data import InlineOrRefData
from ogc_api_processes_client.models.job_list import JobList
from ogc_api_processes_client.models.status_info import StatusInfo

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, eventually
from tests.support.ogc import EXCEPTION, JSON, RELATION, answered, fitting, has_link, link, moment

NO_JOBS = ["0" * 64, "invalid-job", "7", f"{'0' * 64}.document", f"{'0' * 64}.no-form", f"{'0' * 64}.raw.a-b"]


def execute(host: Host, process: str = "echo", **body: Any) -> str:
    """Execute a process and return the job's address."""
    answer = host.http.post(f"ogc/processes/{process}/execution", json=body)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def echo(host: Host, pause: int = 0, **body: Any) -> str:
    inputs = {"message": uuid4().hex, "note": "noted", "pause": pause}
    return execute(host, **{"inputs": inputs, **body})


def status(host: Host, address: str) -> dict[str, Any]:
    return answered(StatusInfo, host.http.get(address))


def wait_for(host: Host, address: str, *wanted: str) -> dict[str, Any]:
    """The status once it is one of these."""

    def there() -> dict[str, Any] | None:
        found = status(host, address)
        return found if found["status"] in wanted else None

    return eventually(there)


def done(host: Host, address: str) -> dict[str, Any]:
    return wait_for(host, address, "successful", "failed", "dismissed")


def results(host: Host, address: str, **headers: str) -> httpx.Response:
    """What a job gave back, found by the link of its status."""
    info = done(host, address)
    assert info["status"] == "successful"
    return host.http.get(link(info, f"{RELATION}results")["href"], headers=headers)


@pytest.fixture(scope="module")
def stocked(module_hosts: HostFactory) -> Host:
    """A host of its own with a file to list, and a container to write to."""
    host = module_hosts()
    with host.blobs() as service:
        service.create_container("silver")
        service.create_container("gold").upload_blob("a.txt", b"text")
    return host


@pytest.fixture(scope="module")
def failed(host: Host) -> str:
    """The address of a job that failed."""
    address = execute(host, "hello_world", inputs={"n": 2, "message": uuid4().hex, "fail_at": 0})
    wait_for(host, address, "failed")
    return address


def test_core_job_success_from_accepted_to_successful(host: Host) -> None:
    address = echo(host, pause=5)
    running = wait_for(host, address, "running")
    assert running["message"] == "stage 1 of 1: echo"
    assert not has_link(running, f"{RELATION}results")
    ended = done(host, address)
    assert (ended["status"], ended["progress"]) == ("successful", 100)
    assert moment(ended["created"]) <= moment(ended["started"]) <= moment(ended["finished"])
    assert link(ended, f"{RELATION}results")["type"] == "application/json"


def test_core_job_progress_grows(host: Host) -> None:
    address = execute(host, "hello_world", inputs={"n": 3, "message": uuid4().hex})
    assert 0 <= status(host, address)["progress"] <= 100
    assert done(host, address)["progress"] == 100


@pytest.mark.parametrize("job_id", NO_JOBS)
@pytest.mark.parametrize("path", ["ogc/jobs/{}", "ogc/jobs/{}/results"])
def test_core_job_exception_no_such_job(host: Host, path: str, job_id: str) -> None:
    refused = answered(StandardException, host.http.get(path.format(job_id), headers=JSON), 404)
    assert refused["type"] == f"{EXCEPTION}no-such-job"


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json"])
def test_core_job_results_exception_results_not_ready(host: Host, accept: str) -> None:
    address = echo(host, pause=5)
    answer = host.http.get(f"{address}/results", headers={"Accept": accept})
    refused = answered(StandardException, answer, 404, accept)
    assert refused["type"] == f"{EXCEPTION}result-not-ready"
    assert done(host, address)["status"] == "successful"


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json"])
def test_core_job_results_failed(host: Host, failed: str, accept: str) -> None:
    info = status(host, failed)
    assert info["message"] == "greeting 0 was told to fail"
    answer = host.http.get(link(info, f"{RELATION}exceptions")["href"], headers={"Accept": accept})
    refused = answered(StandardException, answer, 500, accept)
    assert refused["type"] == "urn:geojobs:problem:hello-told-to-fail"
    assert refused["detail"] == "greeting 0 was told to fail"


def test_core_job_results_async_document(host: Host) -> None:
    message = uuid4().hex
    address = echo(host, response="document", inputs={"message": message, "note": "noted"})
    answer = results(host, address)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"message": message, "note": "noted"}


def test_core_job_results_async_document_of_objects_qualifies_them(stocked: Host) -> None:
    inputs = {"container": "gold", "prefix": "none"}
    address = execute(stocked, "summarize_container", inputs=inputs, response="document")
    document = results(stocked, address).json()
    assert document["files"] == 0
    assert document["outside_folders"] == {"value": {"files": 0, "bytes": 0}}
    for output in document.values():
        if isinstance(output, dict):
            fitting(InlineOrRefData, output)


def test_core_job_results_async_document_names_only_what_is_wanted(host: Host) -> None:
    address = echo(host, response="document", outputs={"note": {"transmissionMode": "value"}})
    assert results(host, address).json() == {"note": "noted"}


def test_core_job_results_async_document_by_reference(host: Host) -> None:
    address = echo(host, response="document", outputs={"note": {"transmissionMode": "reference"}})
    document = results(host, address).json()
    fitting(InlineOrRefData, document["note"])
    assert host.http.get(document["note"]["href"]).json() == "noted"


def test_core_job_results_of_files_are_references(stocked: Host) -> None:
    inputs = {"container": "gold", "create_index": True}
    document = results(stocked, execute(stocked, "list_container", inputs=inputs, response="document")).json()
    fitting(InlineOrRefData, document["index_json"])
    assert document["index_parquet"]["type"] == "application/vnd.apache.parquet"
    written = document["index"]["value"]
    with stocked.blobs() as service:
        found = service.get_blob_client(written["container"], written["json"])
        assert found.exists()
        assert document["index_json"] == {"href": found.url, "type": "application/json"}


def test_core_job_results_async_raw_value_one(host: Host) -> None:
    answer = results(host, echo(host, response="raw", outputs={"note": {}}))
    assert (answer.status_code, answer.json()) == (200, "noted")


def test_core_job_results_async_raw_value_multi(host: Host) -> None:
    message = uuid4().hex
    answer = results(host, echo(host, response="raw", inputs={"message": message, "note": "noted"}))
    parts = parts_of(answer)
    assert {part["Content-ID"]: part.get_payload() for part in parts} == {
        "message": f'"{message}"',
        "note": '"noted"',
    }
    assert {part.get_content_type() for part in parts} == {"application/json"}


def test_core_job_results_async_raw_ref(host: Host) -> None:
    outputs = {name: {"transmissionMode": "reference"} for name in ("message", "note")}
    answer = results(host, echo(host, response="raw", outputs=outputs))
    assert (answer.status_code, answer.content) == (204, b"")
    addresses = [item.split(">")[0] for item in answer.headers["link"].split("<")[1:]]
    assert host.http.get(addresses[1]).json() == "noted"
    assert len(addresses) == 2


def test_core_job_results_async_raw_mixed_multi(host: Host) -> None:
    outputs = {"message": {"transmissionMode": "reference"}, "note": {"transmissionMode": "value"}}
    by_name = {
        part["Content-ID"]: part
        for part in parts_of(results(host, echo(host, response="raw", outputs=outputs)))
    }
    assert by_name["note"].get_payload() == '"noted"'
    assert by_name["message"].get_payload() == ""
    assert host.http.get(by_name["message"]["Content-Location"]).status_code == 200


def test_core_job_results_without_a_form_suit_the_caller(host: Host) -> None:
    address = echo(host)
    assert results(host, address).json()["note"] == "noted"
    multipart = results(host, address, Accept="multipart/related")
    assert multipart.headers["content-type"].startswith("multipart/related")


def test_core_job_results_of_an_output_that_there_is_not(host: Host) -> None:
    address = echo(host)
    done(host, address)
    refused = answered(StandardException, host.http.get(f"{address}.raw.none/results", headers=JSON), 404)
    assert refused["type"] == f"{EXCEPTION}no-such-job"


def test_dismiss_job_dismiss_success(host: Host) -> None:
    address = echo(host, pause=60)
    wait_for(host, address, "running")
    info = answered(StatusInfo, host.http.delete(address))
    assert info["status"] == "dismissed"
    assert status(host, address)["status"] == "dismissed"
    job_id = info["jobID"]
    host.wait_for_rows("select 1 from app.tasks where job_id = %s and status = 'cancelled'", job_id)


def test_dismiss_again_is_no_error(host: Host) -> None:
    address = echo(host, pause=60)
    answers = [host.http.delete(address) for _ in range(2)]
    assert [answered(StatusInfo, answer)["status"] for answer in answers] == ["dismissed"] * 2


def test_dismiss_results_of_a_dismissed_job_are_gone(host: Host) -> None:
    address = echo(host, pause=60)
    host.http.delete(address)
    answered(StandardException, host.http.get(f"{address}/results", headers=JSON), 410)


def test_dismiss_a_job_that_has_ended_is_refused_and_stays(host: Host) -> None:
    address = echo(host)
    done(host, address)
    answered(StandardException, host.http.delete(address, headers=JSON), 409)
    assert status(host, address)["status"] == "successful"


@pytest.mark.parametrize("job_id", NO_JOBS)
def test_dismiss_exception_no_such_job(host: Host, job_id: str) -> None:
    refused = answered(StandardException, host.http.delete(f"ogc/jobs/{job_id}", headers=JSON), 404)
    assert refused["type"] == f"{EXCEPTION}no-such-job"


def parts_of(answer: httpx.Response) -> list[Any]:
    """The parts of a multipart answer, read by a library that knows MIME."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("multipart/related")
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = message_from_bytes(head + answer.content).get_payload()
    assert isinstance(parts, list)
    return parts


def jobs(host: Host, query: str) -> dict[str, Any]:
    return answered(JobList, host.http.get(f"ogc/jobs?{query}"))


def test_job_list_success(host: Host, failed: str) -> None:
    listed = jobs(host, "limit=1000")
    (own,) = (job for job in listed["jobs"] if failed.endswith(job["jobID"]))
    assert (own["status"], own["processID"]) == ("failed", "hello_world")
    assert own["message"] == "greeting 0 was told to fail"
    created = [moment(job["created"]) for job in listed["jobs"]]
    assert created == sorted(created, reverse=True)


def test_job_list_limit_response_and_links(host: Host) -> None:
    addresses = [echo(host) for _ in range(3)]
    since = status(host, addresses[0])["created"]
    first = jobs(host, f"limit=2&processID=echo&datetime={since}/..")
    assert "processID=echo" in link(first, "next")["href"]
    second = answered(JobList, host.http.get(link(first, "next")["href"]))
    assert not has_link(second, "next")
    found = [[job["jobID"] for job in page["jobs"]] for page in (first, second)]
    oldest, middle, newest = (address.rpartition("/")[2] for address in addresses)
    assert found == [[newest, middle], [oldest]]


def test_job_list_processid_response(host: Host, failed: str) -> None:
    echo(host)
    assert {job["processID"] for job in jobs(host, "processID=echo")["jobs"]} == {"echo"}
    both = jobs(host, "processID=echo&processID=hello_world&limit=1000")["jobs"]
    assert {job["processID"] for job in both} == {"echo", "hello_world"}
    assert jobs(host, "processID=nonsense")["jobs"] == []


def test_job_list_status_response(host: Host, failed: str) -> None:
    done(host, echo(host))
    for wanted in (("failed",), ("failed", "successful")):
        found = jobs(host, f"status={','.join(wanted)}&limit=1000")["jobs"]
        assert {job["status"] for job in found} == {*wanted}


def test_job_list_type_response(host: Host, failed: str) -> None:
    assert {job["type"] for job in jobs(host, "type=process")["jobs"]} == {"process"}


def test_job_list_datetime_response(host: Host) -> None:
    address = echo(host)
    created = status(host, address)["created"]
    own = address.rpartition("/")[2]
    for interval in (created, f"{created}/..", f"{created}/{created}", f"2020-01-01T00:00:00Z/{created}"):
        assert own in [job["jobID"] for job in jobs(host, f"datetime={interval}&limit=1000")["jobs"]]
    for interval in ("../2020-01-01T00:00:00Z", "/2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"):
        assert jobs(host, f"datetime={interval}")["jobs"] == []


def test_job_list_duration_response(host: Host) -> None:
    long, short = echo(host, pause=3), echo(host)
    done(host, long)
    done(host, short)
    at_least = [job["jobID"] for job in jobs(host, "minDuration=3&processID=echo&limit=1000")["jobs"]]
    at_most = [job["jobID"] for job in jobs(host, "maxDuration=2&processID=echo&limit=1000")["jobs"]]
    assert long.rpartition("/")[2] in at_least
    assert long.rpartition("/")[2] not in at_most
    assert short.rpartition("/")[2] in at_most or short.rpartition("/")[2] in at_least
    assert jobs(host, "minDuration=1000000000")["jobs"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "?limit"),
        ("status=done", "?status"),
        ("type=thing", "?type"),
        ("datetime=yesterday", "?datetime"),
        ("datetime=../..", "?datetime"),
        ("datetime=2020", "?datetime"),
        ("minDuration=-1", "?minDuration"),
        ("maxDuration=1e3", "?maxDuration"),
        ("minDuration=99999999999", "?minDuration"),
        ("cursor=nonsense", "?cursor"),
        ("processID=" + "x" * 201, "?processID"),
        ("nonsense=1", "?nonsense"),
    ],
)
def test_job_list_a_parameter_that_is_not_valid_is_refused(host: Host, query: str, pointer: str) -> None:
    refused = answered(StandardException, host.http.get(f"ogc/jobs?{query}", headers=JSON), 400)
    assert [error["pointer"] for error in refused["errors"]] == [pointer]
