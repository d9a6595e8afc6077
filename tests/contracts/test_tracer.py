"""What every ``Tracer`` must do."""

from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from typing import Any, NamedTuple, Protocol

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from interfaces.tracing import SpanKind, Tracer, trace_id_of
from repositories.telemetry import OpenTelemetryTracer
from repositories.watched_export import WatchedExporter
from schema.errors import JobNotFoundError
from tests.fakes.clock import FakeClock
from tests.fakes.tracer import FakeTracer

PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
SERVER, CONSUMER = SpanKind.SERVER, SpanKind.CONSUMER


class Seen(NamedTuple):
    """A span as it was recorded; ids in hexadecimal."""

    name: str
    trace: str
    id: str
    parent: str | None
    facts: dict[str, Any]
    error: str | None


class Recorded(Protocol):
    tracer: Tracer

    def spans(self) -> Sequence[Seen]:
        """Those that have ended, in the order of their ends."""
        ...


class FakeRecorded:
    def __init__(self) -> None:
        self.tracer = FakeTracer()

    def spans(self) -> Sequence[Seen]:
        return [
            Seen(
                span.name,
                trace_id_of(span.traceparent),
                span.traceparent[36:52],
                span.parent[36:52] if span.parent else None,
                span.facts,
                span.error,
            )
            for span in self.tracer.spans
            if span.ended
        ]


class RealRecorded:
    def __init__(self) -> None:
        self._kept = InMemorySpanExporter()
        self.tracer = OpenTelemetryTracer(
            [WatchedExporter("memory", self._kept, FakeClock())], Resource.get_empty()
        )

    def spans(self) -> Sequence[Seen]:
        self.tracer.close()
        return [_seen(span) for span in self._kept.get_finished_spans()]


def _seen(span: ReadableSpan) -> Seen:
    facts = {name: value for name, value in (span.attributes or {}).items() if name != "error.type"}
    failed = span.status.status_code is StatusCode.ERROR
    return Seen(
        span.name,
        format_trace_id(span.context.trace_id),
        format_span_id(span.context.span_id),
        format_span_id(span.parent.span_id) if span.parent else None,
        facts,
        span.status.description if failed else None,
    )


@pytest.fixture(params=[FakeRecorded, RealRecorded], ids=["fake", "opentelemetry"])
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    made: Callable[[], Recorded] = request.param
    recorded = made()
    yield recorded
    recorded.tracer.close()


def test_a_span_hangs_below_the_traceparent_that_is_given(recorded: Recorded) -> None:
    with recorded.tracer.span("work", PARENT, CONSUMER):
        pass
    (span,) = recorded.spans()
    assert (span.trace, span.parent) == ("a" * 32, "b" * 16)


def test_without_a_parent_a_span_begins_a_trace_even_within_another(recorded: Recorded) -> None:
    with recorded.tracer.span("outer", PARENT, SERVER), recorded.tracer.span("inner", None, CONSUMER):
        pass
    inner = next(span for span in recorded.spans() if span.name == "inner")
    assert inner.parent is None
    assert inner.trace != "a" * 32


def test_the_current_span_can_be_handed_on(recorded: Recorded) -> None:
    with recorded.tracer.span("first", None, SERVER):
        handed_on = recorded.tracer.traceparent()
    with recorded.tracer.span("second", handed_on, CONSUMER):
        pass
    first, second = recorded.spans()
    assert (second.trace, second.parent) == (first.trace, first.id)


def test_outside_of_spans_there_is_nothing_to_hand_on(recorded: Recorded) -> None:
    with recorded.tracer.span("over", PARENT, SERVER):
        pass
    assert recorded.tracer.traceparent() is None


def test_a_copied_context_is_in_the_span_too(recorded: Recorded) -> None:
    with recorded.tracer.span("work", PARENT, SERVER):
        context = copy_context()
        expected = recorded.tracer.traceparent()
    assert context.run(recorded.tracer.traceparent) == expected


def test_facts_are_kept_without_those_that_are_unknown(recorded: Recorded) -> None:
    with recorded.tracer.span("work", None, CONSUMER, job_id="j", task_id=None) as span:
        span.note(attempt=2, stage=None)
        span.rename("run task")
    (seen,) = recorded.spans()
    assert (seen.name, seen.facts) == ("run task", {"job_id": "j", "attempt": 2})


def test_an_exception_marks_the_span_and_goes_on(recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="secret"), recorded.tracer.span("work", None, CONSUMER):
        raise ValueError("secret")
    (seen,) = recorded.spans()
    assert seen.error == "ValueError"
    assert "secret" not in str(seen)


def test_an_error_of_ours_marks_the_span_with_its_code(recorded: Recorded) -> None:
    with pytest.raises(JobNotFoundError), recorded.tracer.span("work", None, CONSUMER):
        raise JobNotFoundError("0" * 64)
    assert recorded.spans()[0].error == "JOB_NOT_FOUND"


def test_work_may_fail_without_an_exception(recorded: Recorded) -> None:
    with recorded.tracer.span("work", None, CONSUMER) as span:
        span.fail("BROKEN")
    assert recorded.spans()[0].error == "BROKEN"


@pytest.mark.parametrize("parent", ["00-" + "0" * 32 + "-" + "b" * 16 + "-01", "ff-x"])
def test_a_parent_that_is_none_begins_a_trace(parent: str) -> None:
    recorded = RealRecorded()
    with recorded.tracer.span("work", parent, SERVER):
        pass
    assert recorded.spans()[0].parent is None


def test_what_the_caller_does_not_sample_is_not_recorded_and_handed_on_so() -> None:
    recorded = RealRecorded()
    with recorded.tracer.span("work", PARENT[:-1] + "0", SERVER):
        handed_on = recorded.tracer.traceparent()
    assert recorded.spans() == []
    assert handed_on is not None
    assert (trace_id_of(handed_on), handed_on[-1]) == ("a" * 32, "0")
