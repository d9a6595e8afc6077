"""Exports that fail: counted, told once, and never in anybody's way."""

import logging
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from interfaces.log_ids import current_log_ids
from interfaces.tracing import SpanKind
from repositories.telemetry import OpenTelemetryTracer
from repositories.watched_export import ExporterLog, WatchedExporter
from tests.fakes.clock import FakeClock

_library = logging.getLogger("opentelemetry.exporter.otlp.test")


class Moody(SpanExporter):
    """Does what it is told to."""

    def __init__(self) -> None:
        self.fails_with: str | Exception | None = None

    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 -- they are not looked at
        if self.fails_with is None:
            return SpanExportResult.SUCCESS
        if isinstance(self.fails_with, Exception):
            raise self.fails_with
        _library.error(self.fails_with)
        return SpanExportResult.FAILURE


@pytest.fixture
def log() -> Iterator[ExporterLog]:
    log = ExporterLog()
    yield log
    log.remove()


@pytest.fixture
def moody() -> Moody:
    return Moody()


@pytest.fixture
def exporter(moody: Moody, log: ExporterLog) -> WatchedExporter:
    return WatchedExporter("otlp", moody, log, FakeClock())


class Heard(logging.Handler):
    """What comes to the root logger; pytest's own handlers listen to loggers that do not propagate, too."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.name, record.getMessage()))


@pytest.fixture
def heard() -> Iterator[Heard]:
    root = logging.getLogger()
    level = root.level
    heard = Heard()
    root.addHandler(heard)
    root.setLevel(logging.INFO)
    yield heard
    root.removeHandler(heard)
    root.setLevel(level)


SPANS = [ReadableSpan("a"), ReadableSpan("b")]


def test_what_is_exported_is_counted(exporter: WatchedExporter) -> None:
    exporter.export(SPANS)
    state = exporter.state()
    assert (state.working, state.exported_spans, state.lost_spans) == (True, 2, 0)


def test_a_failure_is_known_by_what_the_library_says(exporter: WatchedExporter, moody: Moody) -> None:
    moody.fails_with = "connection refused"
    exporter.export(SPANS)
    state = exporter.state()
    assert (state.working, state.lost_spans, state.last_error) == (False, 2, "connection refused")
    assert state.last_error_at is not None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "HTTPConnection(host='collector.internal', port=4318): refused",
            "HTTPConnection(host=..., port=4318): refused",
        ),
        (
            "Max retries exceeded with url: /v1/traces?code=secret (refused)",
            "Max retries exceeded with url: ... (refused)",
        ),
        ("no answer from https://collector.internal/?code=secret", "no answer from ..."),
    ],
)
def test_addresses_are_not_kept(exporter: WatchedExporter, moody: Moody, said: str, kept: str) -> None:
    moody.fails_with = said
    exporter.export(SPANS)
    assert exporter.state().last_error == kept


def test_an_exception_is_a_failure_and_stays_inside(exporter: WatchedExporter, moody: Moody) -> None:
    moody.fails_with = RuntimeError("with a secret")
    assert exporter.export(SPANS) is SpanExportResult.FAILURE
    assert exporter.state().last_error == "unexpected RuntimeError"


def test_a_destination_that_is_away_is_told_once_and_its_return_as_well(
    exporter: WatchedExporter, moody: Moody, heard: Heard
) -> None:
    moody.fails_with = "connection refused"
    for _ in range(5):
        exporter.export(SPANS)
    moody.fails_with = None
    exporter.export(SPANS)
    exporter.export(SPANS)
    assert heard.lines == [
        ("repositories.watched_export", "traces cannot be exported"),
        ("repositories.watched_export", "traces are exported again"),
    ]


def test_the_libraries_speak_again_when_the_tracer_is_closed(log: ExporterLog, heard: Heard) -> None:
    _library.warning("unheard")
    log.remove()
    _library.warning("heard")
    assert heard.lines == [(_library.name, "heard")]


def test_log_lines_within_a_span_have_its_ids() -> None:
    tracer = OpenTelemetryTracer({}, FakeClock(), Resource.get_empty())
    with tracer.span("work", "00-" + "a" * 32 + "-" + "b" * 16 + "-01", SpanKind.SERVER):
        within = dict(current_log_ids())
        traceparent = tracer.traceparent()
    tracer.close()
    assert within["trace_id"] == "a" * 32
    assert traceparent is not None
    assert within["span_id"] == traceparent[36:52]
    assert "trace_id" not in current_log_ids()
