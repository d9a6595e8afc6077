"""OGC API - Processes 1.0: landing page, definition, conformance, processes. Tests bear the names of the
abstract test suite (18-062r2, annex A), after their conformance class."""

from typing import Any

import pytest
from ogc_api_processes_client.models.conf_classes import ConfClasses
from ogc_api_processes_client.models.exception import Exception as StandardException
from ogc_api_processes_client.models.landing_page import LandingPage
from ogc_api_processes_client.models.process import Process
from ogc_api_processes_client.models.process_list import ProcessList
from ogc_api_processes_client.models.schema_one_of import SchemaOneOf
from openapi_spec_validator import OpenAPIV30SpecValidator

from registration import DEVELOPMENT_JOBS, JOBS
from tests.acceptance.hosting import Host
from tests.support.ogc import CONFORMANCE, EXCEPTION, JSON, RELATION, answered, link

PROCESSES = sorted(job.job_type for job in (*JOBS, *DEVELOPMENT_JOBS))
OPERATIONS = {
    ("/ogc", "get"): "getLandingPage",
    ("/ogc/conformance", "get"): "getConformanceClasses",
    ("/ogc/api", "get"): "getApiDefinition",
    ("/ogc/processes", "get"): "getProcesses",
    ("/ogc/processes/{process_id}", "get"): "getProcessDescription",
    ("/ogc/processes/{process_id}/execution", "post"): "execute",
    ("/ogc/jobs", "get"): "getJobs",
    ("/ogc/jobs/{ogc_job_id}", "get"): "getStatus",
    ("/ogc/jobs/{ogc_job_id}", "delete"): "dismiss",
    ("/ogc/jobs/{ogc_job_id}/results", "get"): "getResult",
}


@pytest.fixture(scope="module")
def definition(host: Host) -> dict[str, Any]:
    return host.http.get("ogc/api").json()


def test_core_http(host: Host) -> None:
    answer = host.http.get("ogc/processes/echo")
    assert answer.http_version == "HTTP/1.1"
    assert host.http.get("ogc/processes/echo?nonsense=1").status_code == 400


@pytest.mark.parametrize("path", ["ogc", "ogc/"])
def test_core_landingpage_op(host: Host, path: str) -> None:
    answered(LandingPage, host.http.get(path))


def test_core_landingpage_success(host: Host) -> None:
    document = answered(LandingPage, host.http.get("ogc"))
    definition, conformance, processes, jobs = (
        link(document, rel)["href"]
        for rel in ("service-desc", f"{RELATION}conformance", f"{RELATION}processes", f"{RELATION}job-list")
    )
    assert host.http.get(definition).json()["openapi"].startswith("3.0.")
    answered(ConfClasses, host.http.get(conformance))
    answered(ProcessList, host.http.get(processes))
    assert host.http.get(jobs).status_code == 200
    assert (
        host.http.get(link(document, "service-doc")["href"]).headers["content-type"].startswith("text/html")
    )


def test_core_api_definition_op(host: Host) -> None:
    answer = host.http.get("ogc/api", headers={"Accept": "application/vnd.oai.openapi+json;version=3.0"})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.oai.openapi+json;version=3.0")


def test_oas30_oas_definition_1(definition: dict[str, Any]) -> None:
    OpenAPIV30SpecValidator(definition).validate()


def test_oas30_oas_impl(definition: dict[str, Any]) -> None:
    found = {
        (path, method): operation["operationId"]
        for path, operations in definition["paths"].items()
        for method, operation in operations.items()
    }
    assert found == OPERATIONS


def test_oas30_exceptions_are_described_in_both_media_types(definition: dict[str, Any]) -> None:
    answers = definition["components"]["responses"]
    assert {*answers["NotFound"]["content"]} == {"application/json", "application/problem+json"}


def test_core_conformance_success(host: Host) -> None:
    document = answered(ConfClasses, host.http.get("ogc/conformance"))
    classes = ("core", "ogc-process-description", "json", "oas30", "job-list", "callback", "dismiss")
    assert document["conformsTo"] == [f"{CONFORMANCE}{name}" for name in classes]


def test_core_process_list_success(host: Host) -> None:
    document = answered(ProcessList, host.http.get("ogc/processes"))
    assert [process["id"] for process in document["processes"]] == PROCESSES
    for process in document["processes"]:
        assert process["jobControlOptions"] == ["async-execute", "dismiss"]
        answered(Process, host.http.get(link(process, "self")["href"]))


def test_core_pl_limit_definition(definition: dict[str, Any]) -> None:
    parameters = definition["paths"]["/ogc/processes"]["get"]["parameters"]
    (limit,) = (parameter for parameter in parameters if parameter.get("name") == "limit")
    assert (limit["in"], limit["required"]) == ("query", False)
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 10_000, "default": 10}


def test_core_pl_limit_response(host: Host) -> None:
    document = answered(ProcessList, host.http.get("ogc/processes?limit=1"))
    assert len(document["processes"]) == 1


@pytest.mark.parametrize("limit", ["0", "-1", "10001", "one", "1.5", "9" * 30])
def test_core_a_limit_that_is_none_is_refused(host: Host, limit: str) -> None:
    refused = answered(
        StandardException, host.http.get(f"ogc/processes?limit={limit}", headers=JSON), status=400
    )
    assert [error["pointer"] for error in refused["errors"]] == ["?limit"]


def test_core_pl_links(host: Host) -> None:
    found: list[str] = []
    address: str | None = "ogc/processes?limit=1"
    while address is not None:
        document = answered(ProcessList, host.http.get(address))
        found += [process["id"] for process in document["processes"]]
        assert host.http.get(link(document, "self")["href"]).json() == document
        address = next((link["href"] for link in document["links"] if link["rel"] == "next"), None)
    assert found == PROCESSES


@pytest.mark.parametrize("process", PROCESSES)
def test_core_process_success(host: Host, process: str) -> None:
    document = answered(Process, host.http.get(f"ogc/processes/{process}"))
    assert document["id"] == process
    assert document["inputs"]
    assert document["outputs"]


@pytest.mark.parametrize("process", PROCESSES)
def test_ogc_process_description_inputs_and_outputs_def(host: Host, process: str) -> None:
    """The schema of a schema is closed: words of later versions of JSON Schema do not fit it."""
    document = host.http.get(f"ogc/processes/{process}").json()
    for described in (*document["inputs"].values(), *document["outputs"].values()):
        assert described["title"]
        assert_schema(described["schema"])
    assert all(one["minOccurs"] in (0, 1) and one["maxOccurs"] == 1 for one in document["inputs"].values())


def test_ogc_process_description_a_default_makes_an_input_optional(host: Host) -> None:
    inputs = host.http.get("ogc/processes/echo").json()["inputs"]
    assert inputs["message"]["minOccurs"] == 1
    assert (inputs["pause"]["minOccurs"], inputs["pause"]["schema"]["default"]) == (0, 0)
    assert inputs["pause"]["schema"]["type"] == "integer"


@pytest.mark.parametrize("accept", ["application/json", "application/problem+json"])
@pytest.mark.parametrize("path", ["nonsense", "echo%20", "Echo", "a" * 300])
def test_core_process_exception_no_such_process(host: Host, path: str, accept: str) -> None:
    answer = host.http.get(f"ogc/processes/{path}", headers={"Accept": accept})
    refused = answered(StandardException, answer, 404, accept)
    assert refused["type"] == f"{EXCEPTION}no-such-process"
    assert refused["status"] == 404


def test_json_definition(host: Host) -> None:
    for path in ("ogc", "ogc/conformance", "ogc/processes", "ogc/processes/echo", "ogc/jobs"):
        answer = host.http.get(path, headers=JSON)
        assert answer.headers["content-type"].startswith("application/json")
        assert isinstance(answer.json(), dict)


def assert_schema(schema: Any) -> None:
    """What is under a schema's name is a schema, too."""
    known = {field.alias or name for name, field in SchemaOneOf.model_fields.items()}
    assert schema.keys() <= known, schema
    SchemaOneOf.from_dict(schema)
    beneath = [*schema.get("properties", {}).values()]
    beneath += [branch for name in ("allOf", "anyOf", "oneOf") for branch in schema.get(name, ())]
    beneath += [schema[name] for name in ("items", "not", "additionalProperties") if name in schema]
    for one in beneath:
        if not isinstance(one, bool):
            assert_schema(one)
