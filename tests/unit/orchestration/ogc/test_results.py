"""What a job gave back, output by output."""

from dataclasses import replace
from typing import Any

import pytest

from controllers.echo import REGISTRATION_INFO as ECHO
from controllers.list_container import REGISTRATION_INFO as LIST_CONTAINER
from orchestration.ogc.links import Links
from orchestration.ogc.results import JobResults, Output, Results
from orchestration.results import ResultReader
from registration import JobCatalog
from schema.errors import ResultTooLargeError
from schema.json_types import JSONObject
from schema.ogc import TransmissionMode
from schema.ogc_reference import JobReference
from schema.states import JobStatus
from services.echo import answer
from tests.support.system import FakeSystem

BY_REFERENCE = TransmissionMode.REFERENCE


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem([ECHO], [(answer.INFO, answer.run)])


def completed(system: FakeSystem, result: JSONObject | None, **changes: Any) -> str:
    """A job that completed with this result."""
    job_id = system.submit("echo", {"message": "hello"}).job.job_id
    rows = system.database.tables.jobs
    rows[job_id] = replace(rows[job_id], status=JobStatus.COMPLETED, result=result, **changes)
    return job_id


def found(system: FakeSystem, job_id: str, wanted: str, limit: int = 1_000) -> list[Output]:
    catalog = JobCatalog()
    for registration in (ECHO, LIST_CONTAINER):
        catalog.register(registration)
    reader = ResultReader(system.repositories.jobs, system.payload_store, limit=limit)
    results = Results(catalog, system.repositories.jobs, reader, system.blobs)
    answer = results.find(JobReference.of(job_id, wanted), Links("https://host/api"))
    assert isinstance(answer, JobResults)
    return [*answer.outputs]


def test_what_is_too_large_for_one_answer_is_not_read(system: FakeSystem) -> None:
    reference = system.payload_store.put("a" * 64, "r1-result", {"message": "hello"})
    job_id = completed(system, None, result_ref=reference)
    assert found(system, job_id, "raw.message", limit=19) == [Output("message", "hello")]
    with pytest.raises(ResultTooLargeError):
        found(system, job_id, "raw.message", limit=18)


def test_outputs_that_are_null_are_there_as_they_were_wanted(system: FakeSystem) -> None:
    job_id = completed(system, {"message": None})
    assert found(system, job_id, "raw.message.note-ref") == [
        Output("message"),
        Output("note", mode=BY_REFERENCE),
    ]


def test_a_file_that_was_not_written_would_have_come_by_reference(system: FakeSystem) -> None:
    job_id = completed(system, {}, job_type="list_container")
    assert found(system, job_id, "raw.index_json") == [Output("index_json", mode=BY_REFERENCE)]


def test_the_result_of_a_job_older_than_the_catalog_is_one_output(system: FakeSystem) -> None:
    job_id = completed(system, {"a": 1}, job_type="gone")
    assert found(system, job_id, "") == [Output("result", {"a": 1})]
