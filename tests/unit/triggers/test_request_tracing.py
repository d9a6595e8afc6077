"""The span of a request, what hangs below it, and the ids of what is logged meanwhile."""

from collections.abc import Callable
from typing import Any

import azure.functions as func
import pytest

from interfaces.log_ids import current_log_ids
from interfaces.tracing import SpanKind
from schema.access import Access, AuthMode
from schema.errors import DatabaseUnavailableError, JobNotFoundError
from tests.fakes.tracer import FakeTracer, KeptSpan
from triggers import http
from triggers.http import Answer, Door, Request, Response, Route

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
JOB_ID = "e" * 64

Endpoint = Callable[[None, Request], Response]


def traced(
    endpoint: Endpoint, job_id: str = JOB_ID, tracer: FakeTracer | None = None, **headers: str
) -> KeptSpan:
    """The span of a request to an endpoint."""
    used = tracer or FakeTracer()
    call(endpoint, Door(mode=AuthMode.KEYS, max_body_bytes=100, tracer=used), job_id, headers)
    (span,) = used.spans
    assert span.ended
    return span


def call(endpoint: Endpoint, door: Door, job_id: str, headers: dict[str, str]) -> func.HttpResponse:
    route: Route[None] = Route(
        "r", "GET", "jobs/{job_id}/x", Access.READ, endpoint, {200: Answer("It.")}, "t"
    )
    request = func.HttpRequest(
        method="GET",
        url=f"https://host.example/api/jobs/{job_id}/x?code=secret-key",
        headers={"X-Correlation-ID": "corr-1", **headers},
        params={},
        route_params={"job_id": job_id},
        body=b"",
    )
    return http._handler(route, None, door)(request)


def fine(_: None, request: Request) -> Response:
    return Response(200, {"traceparent": request.traceparent})


def raising(error: Exception) -> Endpoint:
    def endpoint(_: None, request: Request) -> Response:
        raise error

    return endpoint


def test_the_span_is_named_after_the_route_and_tells_the_status() -> None:
    span = traced(fine)
    assert (span.name, span.kind, span.error) == ("GET /jobs/{job_id}/x", SpanKind.SERVER, None)
    assert span.facts == {
        "correlation_id": "corr-1",
        "job_id": JOB_ID,
        "http.request.method": "GET",
        "http.route": "/jobs/{job_id}/x",
        "http.response.status_code": 200,
    }


def test_it_hangs_below_the_caller_s_or_begins_a_trace() -> None:
    assert traced(fine, traceparent=TRACE).parent == TRACE
    assert traced(fine).parent is None
    assert traced(fine, traceparent="nonsense").parent is None


def test_the_endpoint_hands_on_the_span_and_not_the_caller_s() -> None:
    seen: list[Any] = []

    def endpoint(_: None, request: Request) -> Response:
        seen.append(request.traceparent)
        return Response(200, {})

    span = traced(endpoint, traceparent=TRACE)
    assert seen == [span.traceparent]


@pytest.mark.parametrize(
    ("error", "status", "marked"),
    [
        (JobNotFoundError(JOB_ID), 404, None),
        (DatabaseUnavailableError("away"), 503, "503"),
        (RuntimeError("with a secret"), 500, "500"),
    ],
)
def test_errors_of_the_server_mark_the_span(error: Exception, status: int, marked: str | None) -> None:
    span = traced(raising(error))
    assert (span.facts["http.response.status_code"], span.error) == (status, marked)
    assert "secret" not in str(span)


@pytest.mark.parametrize("job_id", ["7", "E" * 64, "x' or 1=1"])
def test_only_what_may_be_a_job_s_id_is_taken_for_one(job_id: str) -> None:
    assert "job_id" not in traced(fine, job_id).facts


def test_what_is_logged_meanwhile_has_the_request_s_ids() -> None:
    seen: list[Any] = []

    def endpoint(_: None, request: Request) -> Response:
        seen.append(dict(current_log_ids()))
        return Response(200, {})

    call(endpoint, Door(mode=AuthMode.KEYS, max_body_bytes=100), JOB_ID, {"traceparent": TRACE})
    assert seen == [{"correlation_id": "corr-1", "job_id": JOB_ID, "trace_id": "a" * 32}]
    assert dict(current_log_ids()) == {}
