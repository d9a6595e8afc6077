"""Exports that fail: counted, told once, and never in anybody's way."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from interfaces.log_ids import current_log_ids
from interfaces.tracing import SpanKind
from repositories.export_session import ExportSession
from repositories.telemetry import OpenTelemetryTracer
from repositories.watched_export import WatchedExporter
from tests.fakes.clock import FakeClock

_library = logging.getLogger("opentelemetry.exporter.otlp.test")


class Moody(SpanExporter):
    """Does what it is told to; the session then has the outcome that it ``leaves``."""

    def __init__(self, session: ExportSession | None = None) -> None:
        self.fails_with: str | Exception | None = None
        self.leaves: str | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self._session = session

    def export(self, spans: object) -> SpanExportResult:  # noqa: ARG002 -- they are not looked at
        self.meanwhile()
        if self._session is not None and self.leaves is not None:
            self._session.outcome = self.leaves
        if self.fails_with is None:
            return SpanExportResult.SUCCESS
        if isinstance(self.fails_with, Exception):
            raise self.fails_with
        _library.error(self.fails_with)
        return SpanExportResult.FAILURE


@pytest.fixture
def session() -> ExportSession:
    return ExportSession()


@pytest.fixture
def moody(session: ExportSession) -> Moody:
    return Moody(session)


@pytest.fixture
def exporter(moody: Moody, session: ExportSession) -> WatchedExporter:
    return WatchedExporter("otlp", moody, FakeClock(), session)


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


def test_a_failure_is_known_by_how_the_last_call_went(exporter: WatchedExporter, moody: Moody) -> None:
    moody.fails_with, moody.leaves = "503 of https://collector.internal", "answered 503"
    exporter.export(SPANS)
    state = exporter.state()
    assert (state.working, state.lost_spans, state.last_error) == (False, 2, "answered 503")
    assert state.last_error_at is not None


def test_a_failure_without_a_call_is_not_told_by_the_one_before(
    exporter: WatchedExporter, moody: Moody
) -> None:
    moody.leaves = "answered 200"
    exporter.export(SPANS)
    moody.fails_with, moody.leaves = "the batch is too large for collector.internal", None
    exporter.export(SPANS)
    assert exporter.state().last_error == "no reason is known"


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


@pytest.mark.usefixtures("exporter")
def test_what_the_libraries_say_outside_an_export_is_heard_once(heard: Heard) -> None:
    WatchedExporter("another", Moody(), FakeClock())
    _library.warning("heard")
    assert heard.lines == [(_library.name, "heard")]


def test_what_another_thread_says_during_an_export_is_heard(
    exporter: WatchedExporter, moody: Moody, heard: Heard
) -> None:
    def speak() -> None:
        thread = threading.Thread(target=_library.warning, args=["heard"])
        thread.start()
        thread.join()

    moody.meanwhile = speak
    moody.fails_with = "unheard"
    exporter.export(SPANS)
    assert [line for line in heard.lines if line[0] == _library.name] == [(_library.name, "heard")]


def test_log_lines_within_a_span_have_its_ids() -> None:
    tracer = OpenTelemetryTracer([], Resource.get_empty())
    with tracer.span("work", "00-" + "a" * 32 + "-" + "b" * 16 + "-01", SpanKind.SERVER):
        within = dict(current_log_ids())
        traceparent = tracer.traceparent()
    tracer.close()
    assert within["trace_id"] == "a" * 32
    assert traceparent is not None
    assert within["span_id"] == traceparent[36:52]
    assert "trace_id" not in current_log_ids()
