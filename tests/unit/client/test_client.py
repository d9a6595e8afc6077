"""Each method asks for its route and reads its answer."""

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from geojobs_client import (
    ApiError,
    GeoJobs,
    JobStatus,
    NotFoundError,
    ServiceUnavailableError,
    UnexpectedAnswerError,
)
from tests.unit.client.support import JOB_ID, FakeServer, job, ok, problem, submission

CONTROL = {"job_id": JOB_ID, "job_type": "x", "status": "queued", "run": 2, "stage": 1, "links": {}}
JOB_TYPE = {"job_type": "x", "description": "d", "stages": [], "parameters_schema": {}, "example": {}}
HEALTH = {"status": "healthy", "checked_at": "2026-01-31T12:00:00Z", "components": {}}
PLAN = {"job_id": JOB_ID, "job_type": "x", "parameters": {}, "stages": [], "first_stage_tasks": 3}
ROW = {
    "job_id": JOB_ID,
    "job_type": "x",
    "status": "completed",
    "run": 1,
    "stage": 2,
    "total_stages": 2,
    "created_at": "2026-01-31T12:00:00Z",
    "updated_at": "2026-01-31T12:00:00Z",
}

Method = Callable[[GeoJobs], object]
CALLS: list[tuple[Method, object, str, str]] = [
    (lambda g: g.submit("a b/c"), submission(), "POST", "/api/jobs/submit/a%20b%2Fc"),
    (lambda g: g.submit("x", priority="high"), submission(), "POST", "/api/jobs/submit/x?priority=high"),
    (lambda g: g.dry_run("x"), PLAN, "POST", "/api/jobs/submit/x?dry_run=true"),
    (lambda g: g.status(JOB_ID), job(), "GET", f"/api/jobs/status/{JOB_ID}"),
    (lambda g: g.cancel(JOB_ID), CONTROL, "POST", f"/api/jobs/{JOB_ID}/cancel"),
    (lambda g: g.cancel(JOB_ID, reason="a&b"), CONTROL, "POST", f"/api/jobs/{JOB_ID}/cancel?reason=a%26b"),
    (lambda g: g.retry(JOB_ID), CONTROL, "POST", f"/api/jobs/{JOB_ID}/retry"),
    (lambda g: g.rerun(JOB_ID), CONTROL, "POST", f"/api/jobs/{JOB_ID}/rerun"),
    (lambda g: g.result(JOB_ID), {"n": 1}, "GET", f"/api/jobs/{JOB_ID}/result"),
    (lambda g: g.job_types(), {"job_types": [JOB_TYPE]}, "GET", "/api/job-types"),
    (lambda g: g.describe("x"), JOB_TYPE, "GET", "/api/job-types/x"),
    (lambda g: g.health(), HEALTH, "GET", "/api/health"),
    (lambda g: g.process_poison(), {"processed": 0, "verdicts": {}}, "POST", "/api/monitor/poison"),
    (
        lambda g: g.replay_poison(7),
        {"dead_letter_id": 7, "message": {}},
        "POST",
        "/api/monitor/poison/7/replay",
    ),
    (
        lambda g: g.dispose_poison(7),
        {"dead_letter_id": 7, "disposed": True},
        "DELETE",
        "/api/monitor/poison/7",
    ),
]


@pytest.mark.parametrize(("method", "body", "verb", "target"), CALLS)
def test_a_method_asks_for_its_route(method: Method, body: object, verb: str, target: str) -> None:
    server = FakeServer(ok(body))
    method(server.client())
    assert (server.request.method, server.request.url.raw_path.decode()) == (verb, target)


def test_a_submission_says_whether_the_job_is_new() -> None:
    server = FakeServer(ok(submission(created=False, status="failed")))
    found = server.client().submit("hello_world", {"n": 4})
    assert (found.created, found.status, found.parameters) == (False, JobStatus.FAILED, {"n": 4})


def test_a_callback_is_a_header_and_no_parameter() -> None:
    server = FakeServer(ok(submission()))
    server.client().submit("hello_world", {"n": 4}, callback_url="https://me.example/told")
    assert server.request.headers["X-Callback-URL"] == "https://me.example/told"
    assert server.request.content == b'{"n":4}'


def test_parameters_may_be_a_model() -> None:
    class Parameters(BaseModel):
        since: datetime

    server = FakeServer(ok(submission()))
    server.client().submit("hello_world", Parameters(since=datetime(2026, 1, 31, tzinfo=UTC)))
    assert server.request.content == b'{"since":"2026-01-31T00:00:00Z"}'


def test_times_are_sent_in_utc() -> None:
    server = FakeServer(ok({"jobs": []}))
    since = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))
    list(server.client().jobs(since=since, status=JobStatus.FAILED, job_type="x"))
    assert dict(server.request.url.params) == {
        "since": "2026-01-31T10:00:00+00:00",
        "status": "failed",
        "job_type": "x",
        "limit": "500",
    }


@pytest.mark.parametrize(
    ("read", "rows"),
    [
        (lambda g, **more: g.jobs(**more), {"jobs": []}),
        (lambda g, **more: g.tasks(JOB_ID, **more), {"job_id": JOB_ID, "tasks": []}),
        (lambda g, **more: g.poison(**more), {"queues": {}, "dead_letters": []}),
    ],
)
def test_pages_are_large_and_begin_behind_a_cursor(read: Any, rows: object) -> None:
    server = FakeServer(ok(rows))
    list(read(server.client(), cursor="c7"))
    assert dict(server.request.url.params) == {"limit": "500", "cursor": "c7"}


def test_jobs_are_read_page_by_page() -> None:
    first, second = ok({"jobs": [ROW, ROW], "next_cursor": "c"}), ok({"jobs": [ROW], "next_cursor": None})
    server = FakeServer(first, second)
    assert len(list(server.client().jobs())) == 3
    assert [request.url.params.get("cursor") for request in server.requests] == [None, "c"]


def test_a_page_is_only_asked_for_when_it_is_wanted() -> None:
    server = FakeServer(ok({"jobs": [ROW, ROW], "next_cursor": "c"}))
    next(server.client().jobs())
    assert len(server.requests) == 1


def test_fields_of_a_newer_server_are_ignored() -> None:
    found = FakeServer(ok(job(colour="red", stages=[]))).client().status(JOB_ID)
    assert not hasattr(found, "colour")


def test_a_state_of_a_newer_server_is_a_text_and_not_final() -> None:
    found = FakeServer(ok(job("paused"))).client().status(JOB_ID)
    assert (found.status, found.is_final) == ("paused", False)


def test_models_are_frozen() -> None:
    found: Any = FakeServer(ok(job())).client().status(JOB_ID)
    with pytest.raises(ValueError, match="frozen"):
        found.status = "queued"


def test_an_estimate_is_read() -> None:
    assert (
        FakeServer(ok(job(estimated_seconds_left=3.5))).client().status(JOB_ID).estimated_seconds_left == 3.5
    )


def test_an_unhealthy_server_says_how_it_is() -> None:
    server = FakeServer(ok({**HEALTH, "status": "unhealthy"}, 503))
    assert server.client().health().is_unhealthy


def test_a_server_that_cannot_say_how_it_is_is_unavailable() -> None:
    with pytest.raises(ServiceUnavailableError):
        FakeServer(problem(503)).client().health()


@pytest.mark.parametrize("body", [{"a": [1, None]}, [1], "text", None, 5])
def test_a_result_is_any_json(body: object) -> None:
    assert FakeServer(httpx.Response(200, content=json.dumps(body))).client().result(JOB_ID) == body


def test_a_result_that_is_no_json_is_unexpected() -> None:
    with pytest.raises(UnexpectedAnswerError, match="no JSON"):
        FakeServer(httpx.Response(200, content=b"<html>")).client().result(JOB_ID)


def test_a_result_may_be_read_in_pieces() -> None:
    server = FakeServer(httpx.Response(200, content=iter([b"[1,", b"2]"])))
    with server.client().result_stream(JOB_ID) as pieces:
        assert b"".join(pieces) == b"[1,2]"


class Parts:
    """A server that gives four bytes of a result at most; each of its answers has the next of the tags."""

    def __init__(self, content: bytes, *tags: str) -> None:
        self._content = content
        self._tags = iter(tags or itertools.repeat('"a"'))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        wanted, tag = request.headers.get("Range"), next(self._tags)
        if wanted is None:
            return problem(413, "RESULT_TOO_LARGE")
        if request.headers.get("If-Range", tag) != tag:
            return httpx.Response(200, content=b"{}", headers={"ETag": tag})
        first = int(wanted.removeprefix("bytes=").removesuffix("-"))
        part = self._content[first : first + 4]
        told = f"bytes {first}-{first + len(part) - 1}/{len(self._content)}"
        return httpx.Response(206, content=part, headers={"ETag": tag, "Content-Range": told})


def test_a_result_that_is_too_large_for_one_answer_is_read_in_parts() -> None:
    geojobs = FakeServer(Parts(b'{"n":[1,2]}')).client()
    assert geojobs.result(JOB_ID) == {"n": [1, 2]}
    with geojobs.result_stream(JOB_ID) as pieces:
        assert list(pieces) == [b'{"n"', b":[1,", b"2]}"]


def test_parts_of_two_results_are_not_put_together() -> None:
    geojobs = FakeServer(Parts(b'{"n":[1,2]}', '"a"', '"a"', '"b"')).client()
    with pytest.raises(UnexpectedAnswerError, match="not the next part"):
        geojobs.result(JOB_ID)


def test_an_error_of_who_reads_the_pieces_stays_as_it_is() -> None:
    too_large = FakeServer(problem(413, "RESULT_TOO_LARGE")).client()
    with pytest.raises(ApiError) as inner:
        too_large.result(JOB_ID)
    geojobs = FakeServer(httpx.Response(200, content=b"[]")).client()
    with pytest.raises(ApiError) as outer, geojobs.result_stream(JOB_ID):
        raise inner.value
    assert outer.value is inner.value


def test_a_result_that_is_not_there_is_an_error_before_its_first_piece() -> None:
    geojobs = FakeServer(problem(404, "JOB_NOT_FOUND")).client()
    with pytest.raises(NotFoundError), geojobs.result_stream(JOB_ID):
        pass
