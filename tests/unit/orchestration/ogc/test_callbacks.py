"""What subscribers are told."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from controllers.echo import REGISTRATION_INFO
from orchestration.ogc.api import subscriber_body
from orchestration.results import ResultReader
from schema.callbacks import CallbackForm, CallbackNotify, CallbackRecord
from schema.states import JobStatus
from services.echo import answer
from tests.support.system import FakeSystem

MOMENT = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def system() -> FakeSystem:
    return FakeSystem([REGISTRATION_INFO], [(answer.INFO, answer.run)])


def news(job_id: str, status: JobStatus, **changes: Any) -> CallbackRecord:
    facts: dict[str, Any] = {
        "callback_id": 1,
        "job_id": job_id,
        "job_type": "echo",
        "job_created_at": MOMENT,
        "run": 1,
        "url": "https://hooks.example.com/",
        "notify": CallbackNotify.SUCCESSFUL,
        "form": CallbackForm.OGC,
        "message_id": uuid4(),
        "status": status,
        "happened_at": MOMENT,
        "due_since": MOMENT,
        "attempt": 0,
        "claimed_until": MOMENT,
        "correlation_id": "corr-1",
        "base_url": "https://host/api",
    }
    return CallbackRecord.model_validate({**facts, **changes})


def body_of(system: FakeSystem, callback: CallbackRecord) -> Any:
    reader = ResultReader(system.repositories.jobs, system.payload_store)
    make = subscriber_body(system.job_catalog, system.repositories.jobs, reader, system.blobs)
    return make(callback)


def completed(system: FakeSystem) -> str:
    job_id = system.submit("echo", {"message": "hello"}).job.job_id
    system.run_until_quiet()
    return job_id


def test_a_good_end_is_told_by_the_results(system: FakeSystem) -> None:
    told = body_of(system, news(completed(system), JobStatus.COMPLETED))
    assert told == {"message": "hello", "note": ""}


def test_results_are_told_as_they_were_asked_for(system: FakeSystem) -> None:
    told = body_of(system, news(completed(system), JobStatus.COMPLETED, wanted="document.note.message-ref"))
    (job_id,) = system.database.tables.jobs
    href = f"https://host/api/ogc/jobs/{job_id}.raw.message/results"
    assert told == {"note": "", "message": {"href": href, "type": "application/json"}}


def test_large_results_are_not_sent_but_linked(system: FakeSystem) -> None:
    job_id = completed(system)
    rows = system.database.tables.jobs
    reference = system.payload_store.put(job_id, "result", {"note": "large"})
    rows[job_id] = replace(rows[job_id], result=None, result_ref=reference)
    told = body_of(system, news(job_id, JobStatus.COMPLETED, wanted="raw.note"))
    assert (told["status"], told["jobID"]) == ("successful", f"{job_id}.raw.note")
    assert told["links"][-1]["href"] == f"https://host/api/ogc/jobs/{job_id}.raw.note/results"


def test_results_that_a_later_run_replaced_are_not_told(system: FakeSystem) -> None:
    job_id = completed(system)
    system.control.rerun(job_id, "corr-2")
    told = body_of(system, news(job_id, JobStatus.COMPLETED))
    assert (told["status"], told["finished"]) == ("successful", "2026-01-31T00:00:00Z")


def test_results_of_a_job_that_is_gone_are_not_told(system: FakeSystem) -> None:
    assert body_of(system, news("ab" * 32, JobStatus.COMPLETED))["status"] == "successful"


@pytest.mark.parametrize(
    ("status", "told_as"),
    [
        (JobStatus.PROCESSING, "running"),
        (JobStatus.FAILED, "failed"),
        (JobStatus.CANCELLED, "dismissed"),
    ],
)
def test_any_other_news_is_told_by_a_status(system: FakeSystem, status: JobStatus, told_as: str) -> None:
    job_id = completed(system)
    error = {"code": "SOME_CODE", "message": "why"}
    told = body_of(system, news(job_id, status, error=error, wanted="document.note"))
    given = f"{job_id}.document.note"
    assert (told["status"], told["jobID"], told["id"], told["message"]) == (told_as, given, given, "why")
    assert ("finished" in told) is (status is not JobStatus.PROCESSING)
    assert told["links"][0]["href"] == f"https://host/api/ogc/jobs/{given}"
