"""One trace joins submission, plan, tasks and stages, whoever sends the messages between them."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interfaces.log_ids import current_log_ids, log_ids
from interfaces.tracing import SpanKind
from orchestration.bounded_calls import BoundedCalls
from orchestration.intake import Delivery, MessageIntake
from orchestration.relay import OutboxRelay, message_of
from orchestration.submission import Caller
from schema.errors import MessageLookupError, RetryableTaskError
from schema.messages import JobQueueMessage, TaskQueueMessage
from schema.queues import JOB_QUEUE
from schema.records import OutboxKind, OutboxRecord
from tests.fakes.clock import FakeClock
from tests.fakes.database import FakeDatabase
from tests.fakes.dead_letters import FakeDeadLetterRepository
from tests.fakes.outbox import FakeOutboxRepository
from tests.fakes.queues import FakeQueueRepository
from tests.fakes.tracer import FakeTracer, KeptSpan
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import handlers, job_type, raising, stage

TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
ELSEWHERE = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"
CORRELATION = "corr-1"


@pytest.fixture
def tracer() -> FakeTracer:
    return FakeTracer()


@pytest.fixture
def make_system(tracer: FakeTracer) -> Iterator[Callable[..., FakeSystem]]:
    made: list[FakeSystem] = []

    def make(*stages: Any, work: Callable[..., Any] | None = None) -> FakeSystem:
        given = handlers(work) if work else handlers()
        made.append(FakeSystem(job_type(*stages), given, tracer=tracer))
        return made[-1]

    yield make
    for system in made:
        system.close()


def run_traced(system: FakeSystem, tracer: FakeTracer) -> str:
    """Submit a job from within the span of a request, and let all that follows happen outside of it."""
    with tracer.span("POST", TRACE, SpanKind.SERVER):
        caller = Caller(CORRELATION, tracer.traceparent())
        submission = system.submitter("trial", {}, caller)
    system.run_until_quiet()
    return submission.job.job_id


def named(tracer: FakeTracer, name: str) -> list[KeptSpan]:
    return [span for span in tracer.spans if span.name == name]


def test_each_piece_of_work_hangs_below_what_sent_its_message(
    make_system: Callable[..., FakeSystem], tracer: FakeTracer
) -> None:
    run_traced(make_system(stage(), stage(name="again")), tracer)

    assert [span.name for span in tracer.spans] == [
        *("POST", "plan stage", "run task", "run task"),
        *("advance", "run task", "run task", "advance"),
    ]
    request, plan, *work = tracer.spans
    first, last, advance, *second, end = work
    assert plan.parent == request.traceparent
    assert [first.parent, last.parent] == [plan.traceparent] * 2
    assert advance.parent == last.traceparent
    assert [span.parent for span in second] == [advance.traceparent] * 2
    assert end.parent == second[-1].traceparent


def test_spans_tell_what_they_are_about_and_how_it_ended(
    make_system: Callable[..., FakeSystem], tracer: FakeTracer
) -> None:
    job_id = run_traced(make_system(), tracer)

    about = {"job_id": job_id, "run": 1, "stage": 1, "correlation_id": CORRELATION}
    (plan,) = named(tracer, "plan stage")
    assert plan.facts == {**about, "job_type": "trial", "outcome": "stage opened"}
    task = named(tracer, "run task")[0]
    task_id = task.facts.pop("task_id")
    assert str(task_id).startswith(job_id[:8])
    assert task.facts == {**about, "attempt": 1, "task_type": "work", "outcome": "completed"}
    (advance,) = named(tracer, "advance")
    assert advance.facts == {**about, "job_type": "trial", "outcome": "job completed"}
    assert {span.kind for span in tracer.spans[1:]} == {SpanKind.CONSUMER}


def test_an_attempt_that_failed_marks_its_span_with_the_error_s_code(
    make_system: Callable[..., FakeSystem], tracer: FakeTracer
) -> None:
    error = RetryableTaskError("no room for a secret", "DISK_FULL")
    run_traced(make_system(work=raising(error)), tracer)

    task = named(tracer, "run task")[0]
    assert (task.error, task.facts["outcome"]) == ("DISK_FULL", "retrying")
    assert "secret" not in str(tracer.spans)


def test_a_message_that_names_nothing_marks_its_span(
    make_system: Callable[..., FakeSystem], tracer: FakeTracer
) -> None:
    message = JobQueueMessage(job_id="e" * 64, run=1, stage=1, correlation_id=CORRELATION, traceparent=TRACE)
    with pytest.raises(MessageLookupError):
        make_system().driver.handle(message)
    (span,) = tracer.spans
    assert (span.parent, span.error) == (TRACE, MessageLookupError("").code)


def test_a_poison_message_is_judged_in_the_trace_of_its_work(
    make_system: Callable[..., FakeSystem], tracer: FakeTracer
) -> None:
    message = JobQueueMessage(job_id="e" * 64, run=1, stage=1, correlation_id=CORRELATION, traceparent=TRACE)
    body = message.model_dump_json().encode()
    make_system().poison.handle(Delivery(JOB_QUEUE, "m-1", body, 6))
    make_system().poison.handle(Delivery(JOB_QUEUE, "m-2", b"nonsense", 6))
    judged = named(tracer, "judge poison message")
    assert [(span.parent, span.facts["outcome"]) for span in judged] == [
        (TRACE, "unknown"),
        (None, "unknown"),
    ]


def row(traceparent: str | None) -> OutboxRecord:
    return OutboxRecord(
        outbox_id=1,
        kind=OutboxKind.JOB,
        job_id="e" * 64,
        run=1,
        stage=1,
        correlation_id=CORRELATION,
        traceparent=traceparent,
    )


SPAN = TRACE[:36] + "9" * 16 + "-01"


@pytest.mark.parametrize(
    ("stored", "span", "carried"),
    [
        (TRACE, SPAN, SPAN),
        (TRACE, ELSEWHERE, TRACE),
        (TRACE, None, TRACE),
        (None, SPAN, None),
    ],
    ids=["of its own trace", "of another trace", "outside of spans", "of a job that is not traced"],
)
def test_a_message_carries_the_span_it_is_sent_from_within_its_own_trace_only(
    stored: str | None, span: str | None, carried: str | None
) -> None:
    assert message_of(row(stored), span).traceparent == carried


def test_many_messages_sent_at_once_carry_the_span_too(tracer: FakeTracer) -> None:
    queue = FakeQueueRepository(FakeClock())
    relay = OutboxRelay(FakeOutboxRepository(FakeDatabase(FakeClock())), queue, tracer=tracer)
    with tracer.span("plan stage", TRACE, SpanKind.CONSUMER):
        relay.dispatch([row(TRACE), row(TRACE), row(ELSEWHERE)])
    relay.close()
    carried = [JobQueueMessage.model_validate_json(message.body).traceparent for message in queue.visible()]
    assert sorted(map(str, carried)) == sorted([tracer.spans[0].traceparent] * 2 + [ELSEWHERE])


def test_a_handler_s_thread_is_in_the_span_and_has_the_ids(tracer: FakeTracer) -> None:
    calls = BoundedCalls()
    seen: list[Any] = []

    def handler() -> None:
        seen.append((threading.current_thread().name, tracer.traceparent(), current_log_ids()["task_id"]))

    with log_ids(task_id="t-1"), tracer.span("run task", TRACE, SpanKind.CONSUMER):
        calls(handler, 10.0, lambda: None)
    calls(lambda: seen.append(tracer.traceparent()), 10.0, lambda: None)
    calls.close()
    assert seen == [("task", tracer.spans[0].traceparent, "t-1"), None]


def test_what_is_logged_while_a_message_is_handled_has_its_ids() -> None:
    message = TaskQueueMessage(
        job_id="e" * 64,
        run=1,
        stage=2,
        correlation_id=CORRELATION,
        traceparent=TRACE,
        task_id="aaaaaaaa-r1-s2-0-" + "c" * 32,
        attempt=3,
    )
    body = message.model_dump_json().encode()
    seen: list[Any] = []
    intake = MessageIntake(FakeDeadLetterRepository(FakeDatabase(FakeClock())))
    intake.process(
        Delivery("geospatial-tasks", "m", body, 1),
        TaskQueueMessage,
        lambda _: seen.append(dict(current_log_ids())),
    )
    assert seen == [{**message.ids(), "trace_id": "a" * 32}]
    assert dict(current_log_ids()) == {}
