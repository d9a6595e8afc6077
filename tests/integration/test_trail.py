"""The audit trail and the result over their routes, on a real database and real blobs."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestration.results import ResultReader
from repositories.jobs import PostgresJobRepository
from repositories.payloads import BlobPayloadStore
from repositories.postgres import Database
from repositories.storage_connection import StorageConnection
from schema.records import AttemptSucceeded, FinishJob
from schema.states import JobStatus
from tests.support.routes import Answer, call
from tests.support.seeding import Seeder
from triggers.application import Application

UNKNOWN_JOB = "0" * 64


@pytest.fixture
def seeder(database: Database) -> Seeder:
    return Seeder(database)


@pytest.fixture
def ended_job(seeder: Seeder) -> str:
    """A job of one stage, of which one task completed and one failed."""
    job_id = seeder.job(total_stages=1)
    done, failed = seeder.stage(job_id, 2)
    seeder.complete(done)
    seeder.fail(failed, "it went wrong")
    seeder.finish_job(job_id)
    return job_id


def get(application: Application, target: str, **headers: str) -> Answer:
    return call(
        application, "GET", target, headers={name.replace("_", "-"): v for name, v in headers.items()}
    )


def events(application: Application, job_id: str, query: str = "") -> dict[str, Any]:
    answer = get(application, f"/jobs/{job_id}/events{query}")
    assert answer.status == 200, answer.text
    return answer.json()


def names(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(event["entity"], event["event"]) for event in page["events"]]


def test_a_trail_tells_all_that_happened_in_order(application: Application, ended_job: str) -> None:
    page = events(application, ended_job)
    assert names(page)[:3] == [("job", "submitted"), ("job", "started"), ("stage", "opened")]
    assert ("task", "failed") in names(page)
    ids = [event["event_id"] for event in page["events"]]
    assert ids == sorted(ids)
    assert page["job_id"] == ended_job


def test_what_has_no_details_has_none_and_says_why_in_words(application: Application, ended_job: str) -> None:
    submitted, started = events(application, ended_job)["events"][:2]
    assert (submitted["details"], submitted["reason"]) == (None, "submitted")
    assert (started["details"], started["reason"]) == (None, "its first stage was opened")


def test_a_failure_tells_its_error_and_who_met_it(application: Application, ended_job: str) -> None:
    failed = next(event for event in events(application, ended_job)["events"] if event["event"] == "failed")
    assert failed["reason"] == "SEEDED: it went wrong"
    assert failed["details"]["message"] == "it went wrong"
    assert (failed["actor"], failed["attempt"]) == ("geojobs tests", 1)


def test_pages_follow_each_other_without_gap_or_overlap(application: Application, ended_job: str) -> None:
    whole, pages, cursor = events(application, ended_job)["events"], [], ""
    for _ in whole:
        page = events(application, ended_job, f"?limit=2{cursor}")
        pages.extend(page["events"])
        cursor = f"&cursor={page['next_cursor']}"
        if len(pages) == len(whole):
            break
        assert not page["complete"]
    assert pages == whole


def test_any_events_id_is_a_cursor(application: Application, ended_job: str) -> None:
    whole = events(application, ended_job)["events"]
    behind = events(application, ended_job, f"?cursor={whole[2]['event_id']}")["events"]
    assert behind == whole[3:]


def test_a_trail_is_filtered_by_run_and_entity(
    application: Application, seeder: Seeder, ended_job: str
) -> None:
    seeder.jobs.rerun(ended_job, "corr-2")
    assert names(events(application, ended_job, "?run=2")) == [("job", "rerun")]
    of_jobs = events(application, ended_job, "?entity=job")["events"]
    assert {event["entity"] for event in of_jobs} == {"job"}
    assert [event["run"] for event in of_jobs][-1] == 2


def test_a_trail_is_complete_when_nothing_more_can_come(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    running, _ = seeder.stage(job_id, 2)
    claimed = seeder.claim(running)
    assert not events(application, job_id)["complete"]
    seeder.jobs.cancel(job_id, "no longer needed")
    assert not events(application, job_id)["complete"]
    seeder.tasks.finish(claimed.task_id, claimed.lease_token, AttemptSucceeded({}, 1))
    assert events(application, job_id)["complete"]


def test_details_that_are_too_large_are_cut(
    application: Application, database: Database, ended_job: str
) -> None:
    database.execute(
        "update app.job_events set details = jsonb_build_object('code', 'LONG', 'message', repeat('x', 9000))"
        " where event = 'failed'"
    )
    failed = next(event for event in events(application, ended_job)["events"] if event["event"] == "failed")
    assert failed["details"] == {"code": "LONG", "message": "x" * 1000}


@pytest.mark.parametrize("route", ["events", "result"])
def test_an_unknown_job_is_a_404(application: Application, route: str) -> None:
    answer = get(application, f"/jobs/{UNKNOWN_JOB}/{route}")
    assert (answer.status, answer.json()["code"]) == (404, "JOB_NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "?limit"),
        ("limit=1001", "?limit"),
        ("cursor=-1", "?cursor"),
        ("cursor=x", "?cursor"),
        ("cursor=9223372036854775808", "?cursor"),
        ("run=0", "?run"),
        ("run=2147483648", "?run"),
        ("entity=jobs", "?entity"),
        ("order=desc", "?order"),
    ],
)
def test_a_query_that_is_not_valid_is_a_400(application: Application, query: str, pointer: str) -> None:
    answer = get(application, f"/jobs/{UNKNOWN_JOB}/events?{query}")
    assert (answer.status, answer.error_pointers) == (400, [pointer])


def test_a_trail_is_read_by_its_index(database: Database, seeder: Seeder) -> None:
    """However many events of other jobs there are."""
    job_id = seeder.job()
    with database.transaction() as connection:
        connection.execute(
            "insert into app.job_events (job_id, run, entity, event, to_status)"
            " select encode(sha256(n::text::bytea), 'hex'), 1, 'job', 'submitted', 'queued'"
            " from generate_series(1, 20000) n"
        )
        connection.execute("analyze app.job_events")
        plan = connection.execute(
            "explain select * from app.job_events where job_id = %s and event_id > 0"
            " order by event_id limit 100",
            [job_id],
        ).fetchall()
    assert "job_events_by_job" in str(plan)


def test_a_result_is_what_the_job_left(application: Application, ended_job: str) -> None:
    answer = get(application, f"/jobs/{ended_job}/result")
    assert (answer.status, answer.content_type) == (200, "application/json")
    assert answer.json() == {"seeded": True}


def test_a_large_result_comes_from_blob_storage(
    application: Application, database: Database, storage: StorageConnection, seeder: Seeder
) -> None:
    job_id = seeder.job()
    seeder.stage(job_id, 1)
    value = {"text": "y" * 1_200_000}
    reference = BlobPayloadStore(storage, "geojobs-payloads").put(job_id, "r1-result-0123456789abcdef", value)
    finish = FinishJob(job_id, 1, JobStatus.COMPLETED_WITH_ERRORS, result_ref=reference)
    assert PostgresJobRepository(database).finish(finish)
    answer = get(application, f"/jobs/{job_id}/result")
    assert json.loads(answer.text) == value
    status = get(application, f"/jobs/status/{job_id}").json()
    assert status["result_data"] is None
    assert status["links"]["result"] == f"/api/jobs/{job_id}/result"


def test_a_result_that_is_known_is_not_sent_again(application: Application, ended_job: str) -> None:
    tag = get(application, f"/jobs/{ended_job}/result").headers["ETag"]
    again = get(application, f"/jobs/{ended_job}/result", If_None_Match=tag)
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", tag)
    other = get(application, f"/jobs/{ended_job}/result", If_None_Match='"another"')
    assert other.status == 200


@pytest.fixture(params=["in its row", "in blob storage"])
def narrow(
    request: pytest.FixtureRequest,
    application: Application,
    database: Database,
    storage: StorageConnection,
    seeder: Seeder,
) -> tuple[Application, str]:
    """An application whose answers have eight bytes of a result at most, and a job with thirteen."""
    jobs, store = PostgresJobRepository(database), BlobPayloadStore(storage, "geojobs-payloads")
    job_id = seeder.job()
    seeder.stage(job_id, 1)
    stored: dict[str, Any] = {"result": {"seeded": 12}}
    if request.param == "in blob storage":
        stored = {"result_ref": store.put(job_id, "r1-result-0123456789abcdef", {"seeded": 12})}
    assert jobs.finish(FinishJob(job_id, 1, JobStatus.COMPLETED_WITH_ERRORS, **stored))
    return replace(application, results=ResultReader(jobs, store, limit=8)), job_id


def test_a_result_that_is_too_large_says_how_it_can_be_had(narrow: tuple[Application, str]) -> None:
    application, job_id = narrow
    answer = get(application, f"/jobs/{job_id}/result")
    assert (answer.status, answer.json()["code"]) == (413, "RESULT_TOO_LARGE")
    assert "Range: bytes=0-7" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "told", "content"),
    [
        ("bytes=0-", "bytes 0-7/13", '{"seeded'),
        ("bytes=8-15", "bytes 8-12/13", '":12}'),
        ("bytes=-5", "bytes 8-12/13", '":12}'),
    ],
)
def test_a_result_comes_in_parts(
    narrow: tuple[Application, str], asked: str, told: str, content: str
) -> None:
    application, job_id = narrow
    answer = get(application, f"/jobs/{job_id}/result", Range=asked)
    assert (answer.status, answer.headers["Content-Range"], answer.text) == (206, told, content)
    assert (answer.headers["Accept-Ranges"], answer.content_type) == ("bytes", "application/json")


def test_what_lies_behind_a_result_cannot_be_had(narrow: tuple[Application, str]) -> None:
    application, job_id = narrow
    answer = get(application, f"/jobs/{job_id}/result", Range="bytes=13-")
    assert (answer.status, answer.json()["code"]) == (416, "RANGE_NOT_SATISFIABLE")


def test_a_part_of_another_result_is_not_given(application: Application, ended_job: str) -> None:
    tag = get(application, f"/jobs/{ended_job}/result").headers["ETag"]
    same = get(application, f"/jobs/{ended_job}/result", Range="bytes=0-1", If_Range=tag)
    other = get(application, f"/jobs/{ended_job}/result", Range="bytes=0-1", If_Range='"another"')
    assert [(answer.status, answer.text) for answer in (same, other)] == [
        (206, '{"'),
        (200, '{"seeded":true}'),
    ]


def test_a_result_that_is_not_there_yet_may_be_asked_for_again(
    application: Application, seeder: Seeder
) -> None:
    answer = get(application, f"/jobs/{seeder.job()}/result")
    assert (answer.status, answer.json()["code"]) == (409, "RESULT_NOT_READY")
    assert answer.headers["Retry-After"] == "1"


def test_a_cancelled_job_has_no_result(application: Application, seeder: Seeder) -> None:
    job_id = seeder.job()
    seeder.jobs.cancel(job_id, "no longer needed")
    answer = get(application, f"/jobs/{job_id}/result")
    assert (answer.status, answer.json()["code"]) == (409, "JOB_HAS_NO_RESULT")
    assert "JOB_CANCELLED" in answer.json()["detail"]
    assert "Retry-After" not in answer.headers


def test_the_status_tells_how_long_a_job_still_takes(
    application: Application, database: Database, seeder: Seeder
) -> None:
    job_id = seeder.job(total_stages=1)
    first, *_ = seeder.stage(job_id, 4)
    assert get(application, f"/jobs/status/{job_id}").json()["estimated_seconds_left"] is None
    database.execute(
        "update app.stages set opened_at = opened_at - interval '100 seconds',"
        " deadline = deadline - interval '100 seconds'"
    )
    seeder.complete(first)
    assert get(application, f"/jobs/status/{job_id}").json()["estimated_seconds_left"] == pytest.approx(
        300, 0.2
    )
    seeder.jobs.cancel(job_id, "no longer needed")
    assert get(application, f"/jobs/status/{job_id}").json()["estimated_seconds_left"] is None
