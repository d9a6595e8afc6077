"""Traces by OpenTelemetry: to an OTLP endpoint, to Application Insights, or to both.

Importing this imports the SDK, which ``bootstrap`` does only where traces go somewhere.
"""

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from interfaces.clock import Clock
from interfaces.log_ids import log_ids
from interfaces.tracing import Export, Fact, Span, SpanKind
from repositories.export_session import ExportSession
from repositories.watched_export import WatchedExporter
from schema.errors import ConfigurationError, GeojobsError
from schema.version import VERSION

_NAME = "geojobs"
_CLOSE_SECONDS = 3.0
_SEND_SECONDS = 5.0
_KINDS = {SpanKind.SERVER: trace.SpanKind.SERVER, SpanKind.CONSUMER: trace.SpanKind.CONSUMER}
_CREDENTIAL_PROVIDERS = {  # these bring a session of their own
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_TRACES_CREDENTIAL_PROVIDER",
}
_NO_SIDE_TRAFFIC = (
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED",
)


class _RecordedSpan:
    """Implements ``interfaces.tracing.Span``."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **facts: Fact) -> None:
        self._span.set_attributes(_known(facts))

    def fail(self, reason: str) -> None:
        self._span.set_status(Status(StatusCode.ERROR, reason))
        self._span.set_attribute("error.type", reason)


class OpenTelemetryTracer:
    """Implements ``interfaces.tracing.Tracer``.

    The provider is this application's own and not the process's, so that no library begins to trace by
    itself. Sampling, batches, service name and resource are as the standard ``OTEL_*`` variables say.
    """

    def __init__(self, exporters: Sequence[WatchedExporter], resource: Resource) -> None:
        self._exporters = exporters
        self._closing = threading.Event()
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        processors = [BatchSpanProcessor(exporter) for exporter in self._exporters]
        for processor in processors:
            provider.add_span_processor(processor)
        self._tracer = provider.get_tracer(_NAME, VERSION)
        self._propagator = TraceContextTextMapPropagator()
        self._closers = [_closer(processor, self._closing) for processor in processors]

    @contextmanager
    def span(self, name: str, parent: str | None, kind: SpanKind, **facts: Fact) -> Generator[Span]:
        context = Context()
        if parent is not None:
            context = self._propagator.extract({"traceparent": parent}, context)
        span = self._tracer.start_span(name, context, _KINDS[kind], _known(facts))
        made = span.get_span_context()
        ids = log_ids(
            trace_id=trace.format_trace_id(made.trace_id), span_id=trace.format_span_id(made.span_id)
        )
        # what an exception says may hold values; its class does not
        current = trace.use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        )
        recorded = _RecordedSpan(span)
        with current, ids:
            try:
                yield recorded
            except BaseException as exc:
                recorded.fail(exc.code if isinstance(exc, GeojobsError) else type(exc).__name__)
                raise

    def traceparent(self) -> str | None:
        carrier = dict[str, str]()
        self._propagator.inject(carrier)
        return carrier.get("traceparent")

    def exports(self) -> Sequence[Export]:
        return [exporter.state() for exporter in self._exporters]

    def close(self) -> None:
        """What cannot be exported in time is lost."""
        if self._closing.is_set():
            return
        self._closing.set()
        deadline = monotonic() + _CLOSE_SECONDS
        for closer in self._closers:
            closer.join(max(0.0, deadline - monotonic()))


def _closer(processor: BatchSpanProcessor, closing: threading.Event) -> threading.Thread:
    """A thread that shuts the processor down when asked to: each its own, so that one destination that is
    away does not cost the other its last spans.

    It is started early, because none can be at the interpreter's exit, when applications are closed.
    """

    def shut_down() -> None:
        closing.wait()
        processor.shutdown()

    thread = threading.Thread(target=shut_down, name="telemetry-close", daemon=True)
    thread.start()
    return thread


def open_tracer(
    clock: Clock, *, service: str, instance: str, connection_string: str | None, otlp: bool
) -> OpenTelemetryTracer:
    """A tracer to Application Insights, if there is a connection string, and to the OTLP endpoint that the
    environment names, if ``otlp``."""
    exporters: list[WatchedExporter] = []
    if otlp:
        session = ExportSession() if _CREDENTIAL_PROVIDERS.isdisjoint(os.environ) else None
        exporters.append(WatchedExporter("otlp", _otlp_exporter(session), clock, session))
    if connection_string is not None:
        session = ExportSession()
        exporter = _application_insights_exporter(connection_string, session)
        exporters.append(WatchedExporter("application insights", exporter, clock, session))
    return OpenTelemetryTracer(exporters, _resource(service or _NAME, instance))


def _otlp_exporter(session: ExportSession | None) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 -- for those who use it
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(session=session)


def _application_insights_exporter(connection_string: str, session: ExportSession) -> SpanExporter:
    """The exporter of ``azure-monitor-opentelemetry``, without what it does besides: reports of its own use
    to Microsoft, settings fetched from there, and spans kept on disk."""
    for variable in _NO_SIDE_TRAFFIC:
        os.environ.setdefault(variable, "true")
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 -- for those who use it
    from azure.monitor.opentelemetry.exporter import (  # noqa: PLC0415 -- as above
        AzureMonitorTraceExporter,
    )

    try:
        return AzureMonitorTraceExporter(
            connection_string=connection_string,
            disable_offline_storage=True,
            timeout=_SEND_SECONDS,
            transport=RequestsTransport(
                session=session, connection_timeout=_SEND_SECONDS, read_timeout=_SEND_SECONDS
            ),
            retry_total=1,
        )
    except ValueError:  # what it says shows the value
        raise ConfigurationError("APPLICATIONINSIGHTS_CONNECTION_STRING is not a connection string") from None


def _resource(service: str, instance: str) -> Resource:
    """What the environment says (``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``) wins."""
    own = {"service.name": service, "service.version": VERSION, "service.instance.id": instance}
    return Resource.create(own).merge(OTELResourceDetector().detect())


def _known(facts: Mapping[str, Fact]) -> dict[str, str | int | float | bool]:
    return {name: value for name, value in facts.items() if value is not None}
