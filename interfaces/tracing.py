"""Spans of a trace, and the tracer that takes none: the core needs no tracing library."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

Fact = str | int | float | bool | None


class SpanKind(StrEnum):
    """``server``: somebody waits for the answer. ``consumer``: a message started it."""

    SERVER = "server"
    CONSUMER = "consumer"


class Span(Protocol):
    """One piece of work that is under way. Facts are ids and outcomes, never payloads or secrets."""

    def rename(self, name: str) -> None: ...

    def note(self, **facts: Fact) -> None:
        """Add facts; those that are ``None`` are left out."""
        ...

    def fail(self, reason: str) -> None:
        """The work went wrong without an exception; ``reason`` is a code, or the name of an error."""
        ...


@dataclass(frozen=True)
class Export:
    """How the export to one destination goes; ``last_error`` of an export that works again stays known."""

    destination: str
    working: bool
    exported_spans: int
    lost_spans: int
    last_error: str | None = None
    last_error_at: datetime | None = None


class Tracer(Protocol):
    """``close`` exports what is left, and does not wait for it longer than a few seconds."""

    def span(
        self, name: str, parent: str | None, kind: SpanKind, **facts: Fact
    ) -> AbstractContextManager[Span]:
        """A span around the block, below the W3C ``traceparent`` or, where that is ``None``, of a new trace.

        An exception that leaves the block marks the span with its class, not with what it says.
        """
        ...

    def traceparent(self) -> str | None:
        """The span that this thread is in, for whoever goes on with its work elsewhere."""
        ...

    def exports(self) -> Sequence[Export]: ...

    def close(self) -> None: ...


class _NoSpan:
    def rename(self, name: str) -> None:
        pass

    def note(self, **facts: Fact) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


_NOTHING = nullcontext[Span](_NoSpan())


class NoTracer:
    """Implements ``Tracer`` where nothing is to be traced."""

    def span(self, name: str, parent: str | None, kind: SpanKind, **facts: Fact) -> nullcontext[Span]:  # noqa: ARG002 -- nothing is kept
        return _NOTHING

    def traceparent(self) -> str | None:
        return None

    def exports(self) -> Sequence[Export]:
        return ()

    def close(self) -> None:
        pass


NO_TRACER = NoTracer()


def trace_id_of(traceparent: str) -> str:
    return traceparent[3:35]


def parent_for(stored: str | None, current: str | None) -> str | None:
    """The parent of work that a row asks for: the current span where it is of the row's own trace."""
    if stored is None or current is None or trace_id_of(stored) != trace_id_of(current):
        return stored
    return current
