"""An exporter that is watched: how it goes is known, and a destination that is away is told once."""

import logging
import re
import threading
from collections.abc import Sequence
from datetime import datetime

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from interfaces.clock import Clock
from interfaces.tracing import Export

_log = logging.getLogger(__name__)

_LIBRARIES = ("opentelemetry.exporter", "azure.monitor.opentelemetry")
_KEPT_CHARACTERS = 300
_ADDRESS = re.compile(r"https?://\S+|(?<=host=)'[^']*'|(?<=url: )\S+")


class ExporterLog(logging.Handler):
    """Keeps what the libraries say, for each thread its last line, instead of having it logged; without the
    addresses, because callers of health see it.

    They say it at each try, every few seconds for as long as a destination is away.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._last = threading.local()
        for name in _LIBRARIES:
            logger = logging.getLogger(name)
            logger.addHandler(self)
            logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        self._last.text = _ADDRESS.sub("...", record.getMessage())[:_KEPT_CHARACTERS]

    def forget(self) -> None:
        self._last.text = None

    def last(self) -> str | None:
        return getattr(self._last, "text", None)

    def remove(self) -> None:
        for name in _LIBRARIES:
            logger = logging.getLogger(name)
            logger.removeHandler(self)
            logger.propagate = not any(isinstance(handler, ExporterLog) for handler in logger.handlers)


class WatchedExporter(SpanExporter):
    """Never raises: spans that cannot be exported are counted and lost."""

    def __init__(self, destination: str, exporter: SpanExporter, log: ExporterLog, clock: Clock) -> None:
        self._destination = destination
        self._exporter = exporter
        self._log = log
        self._clock = clock
        self._working = True
        self._exported = self._lost = 0
        self._error: str | None = None
        self._error_at: datetime | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._log.forget()
        try:
            result = self._exporter.export(spans)
        except Exception as exc:  # noqa: BLE001 -- the boundary to the exporters: telemetry never disturbs
            return self._failed(len(spans), f"unexpected {type(exc).__name__}")
        if result is not SpanExportResult.SUCCESS:
            return self._failed(len(spans), self._log.last() or "no reason given")
        self._exported += len(spans)
        if not self._working:
            self._working = True
            _log.info("traces are exported again", extra=self._facts())
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def state(self) -> Export:
        return Export(
            self._destination, self._working, self._exported, self._lost, self._error, self._error_at
        )

    def _failed(self, spans: int, reason: str) -> SpanExportResult:
        self._lost += spans
        self._error, self._error_at = reason, self._clock.now()
        if self._working:
            self._working = False
            _log.warning("traces cannot be exported", extra={**self._facts(), "reason": reason})
        return SpanExportResult.FAILURE

    def _facts(self) -> dict[str, object]:
        return {"destination": self._destination, "lost_spans": self._lost}
