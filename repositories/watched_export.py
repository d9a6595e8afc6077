"""An exporter that is watched: how it goes is known, and a destination that is away is told once."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from interfaces.clock import Clock
from interfaces.tracing import Export
from repositories.export_session import ExportSession

_log = logging.getLogger(__name__)

_LIBRARIES = ("opentelemetry.exporter", "azure.monitor.opentelemetry")
_UNKNOWN = "no reason is known"
_exporting = threading.local()


class _Hush(logging.Handler):
    """Drops what a library says while it exports, and passes on the rest.

    It says that a destination is away at each try, every few seconds, and with the address.
    """

    def __init__(self, logger: logging.Logger) -> None:
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(_exporting, "now", False) and self._logger.parent is not None:
            self._logger.parent.handle(record)


def _hush_libraries() -> None:
    """Once for the process; it stays, as it is in nobody's way."""
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, _Hush) for handler in logger.handlers):
            logger.addHandler(_Hush(logger))
            logger.propagate = False


class WatchedExporter(SpanExporter):
    """Never raises: spans that cannot be exported are counted and lost. The ``session`` is the one that the
    exporter calls through, where it is known."""

    def __init__(
        self, destination: str, exporter: SpanExporter, clock: Clock, session: ExportSession | None = None
    ) -> None:
        _hush_libraries()
        self._destination = destination
        self._exporter = exporter
        self._clock = clock
        self._session = session
        self._working = True
        self._exported = self._lost = 0
        self._error: str | None = None
        self._error_at: datetime | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._session is not None:
            self._session.outcome = None
        _exporting.now = True
        try:
            result = self._exporter.export(spans)
        except Exception as exc:  # noqa: BLE001 -- the boundary to the exporters: telemetry never disturbs
            return self._failed(len(spans), f"unexpected {type(exc).__name__}")
        finally:
            _exporting.now = False
        if result is not SpanExportResult.SUCCESS:
            return self._failed(len(spans), self._reason())
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

    def _reason(self) -> str:
        return (self._session and self._session.outcome) or _UNKNOWN

    def _failed(self, spans: int, reason: str) -> SpanExportResult:
        self._lost += spans
        self._error, self._error_at = reason, self._clock.now()
        if self._working:
            self._working = False
            _log.warning("traces cannot be exported", extra={**self._facts(), "reason": reason})
        return SpanExportResult.FAILURE

    def _facts(self) -> dict[str, object]:
        return {"destination": self._destination, "lost_spans": self._lost}
