"""Exports to servers that take them, refuse them, or never answer."""

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from interfaces.tracing import SpanKind
from parts import SystemClock
from repositories.telemetry import OpenTelemetryTracer, open_tracer
from schema.errors import ConfigurationError
from tests.acceptance.hosting import eventually
from tests.support.telemetry_sink import TelemetrySink, connection_string, running_telemetry_sink

Open = Callable[..., OpenTelemetryTracer]

_CLOSED_WITHIN = 6.0
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def sink() -> Iterator[TelemetrySink]:
    with running_telemetry_sink() as sink:
        yield sink


@pytest.fixture
def open_it(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens a tracer to these addresses; closes it after the test."""
    made: list[OpenTelemetryTracer] = []
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")

    def open_it(otlp: str | None = None, insights: str | None = None) -> OpenTelemetryTracer:
        if otlp:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlp)
        made.append(
            open_tracer(
                SystemClock(),
                service="",
                instance="this-one",
                connection_string=connection_string(insights) if insights else None,
                otlp=otlp is not None,
            )
        )
        return made[-1]

    yield open_it
    for tracer in made:
        tracer.close()


def trace_something(tracer: OpenTelemetryTracer) -> None:
    with tracer.span("work", None, SpanKind.CONSUMER):
        pass


def test_closing_exports_what_is_left(open_it: Open, sink: TelemetrySink) -> None:
    tracer = open_it(sink.url, sink.url)
    trace_something(tracer)
    tracer.close()
    assert [span.name for span in sink.otlp] == ["work"]
    assert [span.name for span in sink.insights] == ["work"]


def test_closing_waits_for_nobody_for_long(open_it: Open, sink: TelemetrySink) -> None:
    sink.slow = True
    tracer = open_it(sink.url, sink.url)
    trace_something(tracer)
    begun = monotonic()
    tracer.close()
    assert monotonic() - begun < _CLOSED_WITHIN


def test_one_that_is_away_does_not_cost_the_other_its_last_spans(open_it: Open, sink: TelemetrySink) -> None:
    tracer = open_it(NOBODY, sink.url)
    trace_something(tracer)
    tracer.close()
    assert [span.name for span in sink.insights] == ["work"]


def test_taking_a_span_never_waits_for_an_export(open_it: Open, sink: TelemetrySink) -> None:
    sink.slow = True
    tracer = open_it(sink.url)
    trace_something(tracer)
    eventually(lambda: sink.bodies)
    begun = monotonic()
    for _ in range(5_000):  # more than are kept
        trace_something(tracer)
    assert monotonic() - begun < _CLOSED_WITHIN


@pytest.mark.parametrize("protocol", ["otlp", "insights"])
def test_an_export_that_is_refused_is_known(open_it: Open, sink: TelemetrySink, protocol: str) -> None:
    sink.status = 400
    tracer = open_it(**{protocol: sink.url})
    trace_something(tracer)
    (export,) = eventually(lambda: [found for found in tracer.exports() if not found.working])
    assert (export.exported_spans, export.lost_spans) == (0, 1)
    assert export.last_error


@pytest.mark.parametrize("protocol", ["otlp", "insights"])
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://ingest.secret-internal.invalid", "the name could not be resolved"),
        (NOBODY, "the connection was refused"),
    ],
)
def test_why_an_export_failed_is_known_without_the_address(
    open_it: Open, monkeypatch: pytest.MonkeyPatch, protocol: str, address: str, reason: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    tracer = open_it(**{protocol: address})
    trace_something(tracer)
    eventually(lambda: not tracer.exports()[0].working)
    assert tracer.exports()[0].last_error == reason


@pytest.mark.parametrize("protocol", ["otlp", "insights"])
@pytest.mark.parametrize("status", [401, 503])
def test_what_a_destination_answered_is_known(
    open_it: Open, sink: TelemetrySink, monkeypatch: pytest.MonkeyPatch, protocol: str, status: int
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    sink.status = status
    tracer = open_it(**{protocol: sink.url})
    trace_something(tracer)
    eventually(lambda: not tracer.exports()[0].working)
    assert tracer.exports()[0].last_error == f"answered {status}"


@pytest.mark.parametrize("protocol", ["otlp", "insights"])
def test_that_a_destination_does_not_answer_is_known(
    open_it: Open, sink: TelemetrySink, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    sink.slow = True
    tracer = open_it(**{protocol: sink.url})
    trace_something(tracer)
    eventually(lambda: not tracer.exports()[0].working)
    assert tracer.exports()[0].last_error == "no answer came in time"


def test_a_collector_may_be_called_through_the_session_of_a_credential_provider(
    open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER", "not-installed")
    with pytest.raises(RuntimeError, match="not-installed"):
        open_it(NOBODY)


def test_an_export_that_works_again_is_known(open_it: Open, sink: TelemetrySink) -> None:
    sink.status = 400
    tracer = open_it(sink.url)
    trace_something(tracer)
    eventually(lambda: not tracer.exports()[0].working)
    sink.status = 200
    trace_something(tracer)
    eventually(lambda: tracer.exports()[0].working)
    assert tracer.exports()[0].last_error


def test_the_environment_names_the_service(
    open_it: Open, sink: TelemetrySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    tracer = open_it(sink.url)
    trace_something(tracer)
    tracer.close()
    (resource,) = sink.resources
    assert (resource["service.name"], resource["service.instance.id"]) == ("mine", "this-one")


def test_the_environment_says_how_many_traces_are_kept(
    open_it: Open, sink: TelemetrySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    tracer = open_it(sink.url)
    trace_something(tracer)
    tracer.close()
    assert sink.otlp == []


def test_a_connection_string_that_is_none_is_named_and_not_shown() -> None:
    with pytest.raises(ConfigurationError, match="APPLICATIONINSIGHTS_CONNECTION_STRING") as caught:
        open_tracer(SystemClock(), service="", instance="", connection_string="secret", otlp=False)
    assert "secret" not in str(caught.value)
