"""One trace from the request to the last stage, at a collector and at Application Insights; and that neither
disturbs a job when it is away."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, eventually
from tests.support.telemetry_sink import (
    SentSpan,
    TelemetrySink,
    connection_string,
    running_telemetry_sink,
)

TRACE_ID, CALLER_SPAN, CORRELATION = "c0ffee" + "a" * 26, "b" * 16, "trace-me"
TASKS = 3
SECRET = "do-not-send-me"
_NO_TIMER = {"AzureWebJobs.relay_outbox.Disabled": "true"}  # whose messages hang where the job began
_SPANS = 1 + 1 + TASKS + 1 + TASKS + 1
_END_WITHIN = timedelta(seconds=10)


class Traced(NamedTuple):
    """A finished job and the spans of its trace, as one destination got them."""

    host: Host
    job_id: str
    spans: list[SentSpan]

    def named(self, name: str, **facts: object) -> list[SentSpan]:
        return [
            span
            for span in self.spans
            if span.name == name
            and all(str(span.facts.get(key)) == str(value) for key, value in facts.items())
        ]

    def one(self, name: str, **facts: object) -> SentSpan:
        (span,) = self.named(name, **facts)
        return span


@pytest.fixture(scope="module")
def sink() -> Iterator[TelemetrySink]:
    with running_telemetry_sink() as sink:
        yield sink


@pytest.fixture(scope="module")
def host(module_hosts: HostFactory, sink: TelemetrySink) -> Host:
    """A host that sends its traces to both destinations, each 100 ms."""
    return module_hosts(
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        APPLICATIONINSIGHTS_CONNECTION_STRING=sink.connection_string,
        OTEL_BSP_SCHEDULE_DELAY="100",
        **_NO_TIMER,
    )


@pytest.fixture(scope="module")
def finished_job(host: Host) -> str:
    answer = host.http.post(
        "jobs/submit/hello_world",
        params={"code": SECRET},
        json={"n": TASKS, "message": SECRET},
        headers={
            "traceparent": f"00-{TRACE_ID}-{CALLER_SPAN}-01",
            "X-Correlation-ID": CORRELATION,
        },
    )
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["job_id"]
    assert host.wait(job_id)["status"] == "completed"
    return job_id


@pytest.fixture(scope="module", params=["otlp", "insights"])
def traced(host: Host, finished_job: str, sink: TelemetrySink, request: pytest.FixtureRequest) -> Traced:
    def arrived() -> list[SentSpan] | None:
        spans = [span for span in getattr(sink, request.param) if span.trace == TRACE_ID]
        return spans if len(spans) >= _SPANS else None

    return Traced(host, finished_job, eventually(arrived))


def test_the_request_hangs_below_its_caller(traced: Traced) -> None:
    request = traced.one("POST /jobs/submit/{job_type}")
    assert request.parent == CALLER_SPAN


def test_the_plan_hangs_below_the_request(traced: Traced) -> None:
    assert traced.one("plan stage").parent == traced.one("POST /jobs/submit/{job_type}").id


def test_the_tasks_of_the_first_stage_hang_below_the_plan(traced: Traced) -> None:
    tasks = traced.named("run task", stage=1)
    assert [task.parent for task in tasks] == [traced.one("plan stage").id] * TASKS


def test_the_stage_is_closed_below_its_last_task(traced: Traced) -> None:
    for stage in (1, 2):
        tasks = {task.id for task in traced.named("run task", stage=stage)}
        assert traced.one("advance", stage=stage).parent in tasks


def test_the_tasks_of_the_next_stage_hang_below_the_advance(traced: Traced) -> None:
    tasks = traced.named("run task", stage=2)
    assert [task.parent for task in tasks] == [traced.one("advance", stage=1).id] * TASKS


def test_spans_tell_the_ids_and_the_outcome(traced: Traced) -> None:
    ids = {"job_id": traced.job_id, "run": 1, "correlation_id": CORRELATION}
    assert len(traced.named("run task", **ids, attempt=1, outcome="completed")) == 2 * TASKS
    assert traced.one("plan stage", **ids, stage=1, job_type="hello_world", outcome="stage opened")
    assert traced.one("advance", **ids, stage=2, job_type="hello_world", outcome="job completed")
    task_ids = {str(task.facts["task_id"]) for task in traced.named("run task")}
    assert task_ids == {row["task_id"] for row in traced.host.tasks(traced.job_id)}


def test_neither_keys_nor_parameters_leave_in_spans(traced: Traced, sink: TelemetrySink) -> None:
    assert traced.spans
    assert [body for body in sink.bodies if SECRET.encode() in body] == []


def test_the_service_is_named(traced: Traced, sink: TelemetrySink) -> None:
    assert traced.spans
    names = {(resource["service.name"], resource["service.version"]) for resource in sink.resources}
    assert names == {("geojobs", "0.1.0")}


@pytest.mark.parametrize("message", ["attempt finished", "stage opened", "job submitted"])
def test_log_lines_have_the_ids_and_the_span(traced: Traced, message: str) -> None:
    lines = traced.host.process.records(message, job_id=traced.job_id)
    assert lines
    ids = {span.id for span in traced.spans}
    for line in lines:
        assert (line["trace_id"], line["correlation_id"]) == (TRACE_ID, CORRELATION)
        assert line["span_id"] in ids


def test_health_tells_where_traces_go(traced: Traced) -> None:
    telemetry = traced.host.http.get("health").json()["components"]["telemetry"]
    assert telemetry["state"] == "healthy"
    assert telemetry["details"]["export"] == "otlp and application insights"
    assert telemetry["details"]["otlp"]["exported_spans"] >= _SPANS


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address that nobody listens at."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@pytest.fixture
def hanging() -> Iterator[str]:
    """An address that takes everything and answers nothing."""
    with running_telemetry_sink() as sink:
        sink.slow = True
        yield sink.url


@pytest.mark.parametrize("address", ["refusing", "hanging"])
def test_a_destination_that_is_away_disturbs_no_job_and_holds_up_no_end(
    start_host: HostFactory, request: pytest.FixtureRequest, address: str
) -> None:
    url: str = request.getfixturevalue(address)
    host = start_host(
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        APPLICATIONINSIGHTS_CONNECTION_STRING=connection_string(url),
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    assert host.run(n=30)["status"] == "completed"

    eventually(lambda: _telemetry(host)["state"] == "degraded")
    assert host.http.get("health").status_code == 200
    assert host.run(n=31)["status"] == "completed"
    assert host.process.terminate() == 0
    (stopped,) = host.process.records("host stopped")
    assert datetime.now(UTC) - datetime.fromisoformat(stopped["timestamp"]) < _END_WITHIN
    told = host.process.records("traces cannot be exported")
    assert len(told) == len({line["destination"] for line in told})
    assert [
        line for line in host.process.records() if line["logger"].startswith(("opentelemetry", "azure"))
    ] == []


def _telemetry(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = host.http.get("health").json()["components"]["telemetry"]
    return found
