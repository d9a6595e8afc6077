"""A collector and an Application Insights of our own: takes spans by both protocols, and remembers them."""

import http.server
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

_LONGEST_SECONDS = 60


class SentSpan(NamedTuple):
    """A span as it arrived; ids in hexadecimal, ``failed`` where it is marked so."""

    name: str
    trace: str
    id: str
    parent: str | None
    facts: dict[str, Any]
    failed: bool


class TelemetrySink(http.server.ThreadingHTTPServer):
    """Answers each export with ``status``; while ``slow`` it does not answer before it is closed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.slow = False
        self.closing = threading.Event()
        self.otlp: list[SentSpan] = []
        self.insights: list[SentSpan] = []
        self.resources: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def connection_string(self) -> str:
        return connection_string(self.url)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hung up is no news."""


def connection_string(url: str) -> str:
    """As Application Insights has it, for one at this address."""
    return f"InstrumentationKey={UUID(int=1)};IngestionEndpoint={url}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: TelemetrySink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.bodies.append(body)
        if self.server.slow:
            self.server.closing.wait(_LONGEST_SECONDS)
        answer, media_type = b"", "application/x-protobuf"
        if self.path.endswith("/v2.1/track"):
            items = json.loads(body)
            self.server.insights += _spans_of_insights(items)
            said = {"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}
            answer, media_type = json.dumps(said).encode(), "application/json"
        else:
            assert self.path == "/v1/traces"
            self._take_otlp(body)
        self.send_response(self.server.status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _take_otlp(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.server.resources.append(_facts(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.server.otlp += map(_span_of_otlp, scope.spans)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 -- the base class has it so
        return


def _span_of_otlp(span: Any) -> SentSpan:
    return SentSpan(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex() or None,
        facts=_facts(span.attributes),
        failed=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _facts(attributes: Any) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")


def _spans_of_insights(items: list[dict[str, Any]]) -> list[SentSpan]:
    """The requests among what was sent; it has each fact as text, and an HTTP route in the name."""
    return [
        SentSpan(
            name=item["data"]["baseData"]["name"],
            trace=item["tags"]["ai.operation.id"],
            id=item["data"]["baseData"]["id"],
            parent=item["tags"].get("ai.operation.parentId"),
            facts=item["data"]["baseData"]["properties"],
            failed=not item["data"]["baseData"]["success"],
        )
        for item in items
        if item["data"]["baseType"] == "RequestData"
    ]


@contextmanager
def running_telemetry_sink() -> Generator[TelemetrySink]:
    sink = TelemetrySink()
    thread = threading.Thread(target=sink.serve_forever, args=[0.01])
    thread.start()
    try:
        yield sink
    finally:
        sink.closing.set()
        sink.shutdown()
        thread.join()
        sink.server_close()
