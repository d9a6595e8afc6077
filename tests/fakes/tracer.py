"""A tracer that keeps its spans in a list."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

from interfaces.tracing import Export, Fact, Span, SpanKind, trace_id_of
from schema.errors import GeojobsError


@dataclass
class KeptSpan:
    """Implements ``interfaces.tracing.Span``."""

    name: str
    kind: SpanKind
    parent: str | None
    traceparent: str
    facts: dict[str, Fact] = field(default_factory=dict[str, Fact])
    error: str | None = None
    ended: bool = False

    def rename(self, name: str) -> None:
        self.name = name

    def note(self, **facts: Fact) -> None:
        self.facts |= {name: value for name, value in facts.items() if value is not None}

    def fail(self, reason: str) -> None:
        self.error = reason


class FakeTracer:
    """Implements ``interfaces.tracing.Tracer``."""

    def __init__(self, exports: Sequence[Export] = ()) -> None:
        self.spans: list[KeptSpan] = []
        self._exports = exports
        self._numbers = count(1)
        self._current: ContextVar[KeptSpan | None] = ContextVar("span", default=None)

    @contextmanager
    def span(self, name: str, parent: str | None, kind: SpanKind, **facts: Fact) -> Generator[Span]:
        number = next(self._numbers)
        trace = trace_id_of(parent) if parent else f"{number:032x}"
        span = KeptSpan(name, kind, parent, f"00-{trace}-{number:016x}-01")
        span.note(**facts)
        self.spans.append(span)
        token = self._current.set(span)
        try:
            yield span
        except BaseException as exc:
            span.fail(exc.code if isinstance(exc, GeojobsError) else type(exc).__name__)
            raise
        finally:
            self._current.reset(token)
            span.ended = True

    def traceparent(self) -> str | None:
        current = self._current.get()
        return None if current is None else current.traceparent

    def exports(self) -> Sequence[Export]:
        return self._exports

    def close(self) -> None:
        pass
