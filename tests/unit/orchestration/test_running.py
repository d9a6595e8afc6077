"""One attempt: claim, handler, finish; and what each kind of failure means."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from orchestration.bounded_calls import BoundedCalls
from orchestration.running import failure_of
from schema.errors import (
    BlobUnavailableError,
    ContractViolationError,
    DatabaseUnavailableError,
    MessageLookupError,
    PermanentTaskError,
    RetryableTaskError,
    TaskCancelledError,
    TaskDeferredError,
    TaskTimedOutError,
    ThrottledTaskError,
    UnknownTaskTypeError,
)
from schema.identity import task_id_of
from schema.messages import TaskQueueMessage
from schema.policies import ErrorClass
from schema.states import StageStatus, TaskStatus
from tests.fakes.faults import Moment, ProcessDiedError
from tests.fakes.queues import QueuedMessage
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    WorkParameters,
    WorkResult,
    only_task,
    raising,
    run,
)

MakeSystem = Callable[..., FakeSystem]


class TestSuccess:
    def test_the_handler_gets_its_typed_parameters_and_its_context(self, started: MakeSystem) -> None:
        seen: list[Any] = []

        def handler(parameters: WorkParameters, context: Any) -> WorkResult:
            seen.append((parameters, context.job_id, context.run, context.stage, context.task_id))
            seen.append((context.attempt, context.correlation_id, context.blobs))
            return WorkResult(number=7, processed_items=3)

        system = started(handler)
        task = run(system)
        assert seen == [
            (WorkParameters(number=0), task.job_id, 1, 1, task.task_id),
            (1, "corr-1", system.blobs),
        ]

    def test_its_result_is_stored(self, started: MakeSystem) -> None:
        task = run(started(lambda *_: WorkResult(number=7, processed_items=3)))
        assert (task.status, task.worker) == (TaskStatus.COMPLETED, "worker-1")
        assert (task.result, task.processed_items) == ({"number": 7, "processed_items": 3}, 3)

    def test_the_last_task_s_worker_sends_the_message_that_its_stage_is_closed(
        self, started: MakeSystem
    ) -> None:
        system = started(lambda *_: WorkResult(number=7))
        run(system)
        assert [message.queue for message in system.queue.visible()] == ["geospatial-jobs"]
        assert system.database.tables.outbox == {}

    @pytest.mark.parametrize("items", [-1, 2**63])
    def test_items_that_cannot_be_counted_are_none(self, started: MakeSystem, items: Any) -> None:
        result = WorkResult(number=1, processed_items=items)
        system = started(lambda *_: result)
        assert run(system).processed_items is None

    def test_it_makes_two_round_trips_to_the_database(
        self, started: MakeSystem, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        system = started(lambda *_: WorkResult(number=7), n=2)
        calls: list[str] = []
        for repository in (system.repositories.tasks, system.repositories.stages):
            for name in ("claim", "finish", "heartbeat", "get", "find", "close"):
                if (method := getattr(repository, name, None)) is not None:
                    monkeypatch.setattr(repository, name, counting(calls, name, method))
        system.deliver(system.queue.visible()[0])
        assert calls == ["claim", "finish"]


def counting(calls: list[str], name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        calls.append(name)
        return method(*arguments)

    return call


class TestFailure:
    def test_a_retryable_failure_waits_for_its_next_attempt(self, started: MakeSystem) -> None:
        system = started(raising(RetryableTaskError("not yet", "SOURCE_BUSY")))
        task = run(system)
        assert (task.status, task.attempt) == (TaskStatus.QUEUED, 1)
        assert task.error == {"code": "SOURCE_BUSY", "message": "not yet", "error_class": "retryable"}
        assert system.queue.visible() == []
        system.clock.advance(10)
        assert run(system).attempt == 2

    def test_attempts_run_out(self, started: MakeSystem) -> None:
        system = started(raising(RetryableTaskError("not yet")))
        for _ in range(3):
            run(system)
            system.clock.advance(10)
        assert (only_task(system).status, only_task(system).attempt) == (TaskStatus.FAILED, 3)

    def test_a_permanent_failure_is_final(self, started: MakeSystem) -> None:
        assert run(started(raising(PermanentTaskError("never")))).status is TaskStatus.FAILED

    def test_a_handler_that_was_asked_to_stop_leaves_its_task_cancelled(self, started: MakeSystem) -> None:
        assert run(started(raising(TaskCancelledError("stopped")))).status is TaskStatus.CANCELLED

    def test_an_unexpected_failure_is_logged_in_full_and_shown_by_its_name_only(
        self, started: MakeSystem, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            task = run(started(raising(KeyError("password=secret"))))
        assert task.error == {
            "code": "UNEXPECTED_ERROR",
            "message": "the handler met an unexpected KeyError",
            "error_class": "unknown",
        }
        (record,) = [record for record in caplog.records if record.msg == "attempt failed"]
        assert (record.levelno, record.__dict__["error_code"]) == (logging.ERROR, "UNEXPECTED_ERROR")
        assert record.exc_info is not None

    def test_a_message_that_cannot_be_stored_is_stored_without_what_cannot(self, started: MakeSystem) -> None:
        task = run(started(raising(PermanentTaskError("a\0b\udc80" + "x" * 5_000))))
        assert task.status is TaskStatus.FAILED
        assert task.error is not None
        assert task.error["message"] == "a\ufffdb\ufffd" + "x" * 1_996

    @pytest.mark.parametrize(
        ("result", "named"),
        [
            (
                None,
                "contract WorkResult, field /: handler work should have produced WorkResult, not NoneType",
            ),
            ({"number": 1}, "WorkResult, not dict"),
            (WorkParameters(number=1), "WorkResult, not WorkParameters"),
            (WorkResult.model_construct(number=object()), "JSON"),
            (WorkResult.model_construct(number="many"), "JSON"),
        ],
    )
    def test_a_result_that_breaks_its_contract_fails_the_task(
        self, started: MakeSystem, result: object, named: str
    ) -> None:
        task = run(started(lambda *_: result))
        assert task.status is TaskStatus.FAILED
        assert task.error is not None
        assert task.error["code"] == "CONTRACT_VIOLATION"
        assert named in str(task.error["message"])

    def test_parameters_that_no_longer_fit_fail_the_task(self, started: MakeSystem) -> None:
        system = started(raising(AssertionError("not run")))
        task = only_task(system)
        system.database.tables.tasks[task.task_id] = type(task)(**{**vars(task), "parameters": {"n": 1}})
        task = run(system)
        assert task.error is not None
        assert "contract WorkParameters" in str(task.error["message"])
        assert f"the plan of {task.task_id}" in str(task.error["message"])

    def test_a_task_whose_type_is_gone_waits_for_a_worker_that_knows_it(self, started: MakeSystem) -> None:
        system = started(raising(AssertionError("not run")))
        system.task_catalog._entries.clear()
        task = run(system)
        assert task.error is not None
        assert (task.status, task.error["code"]) == (TaskStatus.QUEUED, "UNKNOWN_TASK_TYPE")


class TestDeferral:
    def deferred(self, started: MakeSystem) -> FakeSystem:
        return started(raising(TaskDeferredError("out of order", "CIRCUIT_OPEN", retry_after=30)))

    def test_the_task_waits_as_long_as_it_is_told(self, started: MakeSystem) -> None:
        system = self.deferred(started)
        run(system)
        system.clock.advance(29)
        assert system.queue.visible() == []
        system.clock.advance(2)
        assert len(system.queue.visible()) == 1

    def test_the_attempt_does_not_count(self, started: MakeSystem) -> None:
        system = self.deferred(started)
        for _ in range(10):
            task = run(system)
            assert task.status is TaskStatus.QUEUED
            assert task.max_attempts - task.attempt == 3
            system.clock.advance(31)

    def test_its_error_says_what_it_waits_for(self, started: MakeSystem) -> None:
        assert run(self.deferred(started)).error == {
            "code": "CIRCUIT_OPEN",
            "message": "out of order",
            "error_class": "deferred",
        }

    def test_attempts_that_do_count_run_out_all_the_same(self, started: MakeSystem) -> None:
        errors = iter(
            [RetryableTaskError("a"), TaskDeferredError("b", retry_after=1), *[RetryableTaskError("c")] * 2]
        )
        system = started(lambda *_: raising(next(errors))())
        for _ in range(4):
            run(system)
            system.clock.advance(31)
        assert (only_task(system).status, only_task(system).attempt) == (TaskStatus.FAILED, 4)


class TestDeadlines:
    @pytest.fixture
    def timed(self, started: MakeSystem, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeSystem]:
        """A system whose attempts have hardly any time."""

        def timed(handler: Callable[..., Any]) -> FakeSystem:
            system = started(handler)
            calls = BoundedCalls(grace_seconds=0.1)
            monkeypatch.setattr(
                system.runner, "_calls", lambda call, _, tell: calls(call, 0.05, tell), raising=True
            )
            return system

        return timed

    def test_a_handler_that_asks_learns_of_it(self, timed: Callable[..., FakeSystem]) -> None:
        def handler(_: Any, context: Any) -> WorkResult:
            while True:
                context.raise_if_stopped()

        task = run(timed(handler))
        assert task.error == {
            "code": "TASK_TIMED_OUT",
            "message": "the attempt reached its deadline",
            "error_class": "timed_out",
        }

    def test_a_handler_that_does_not_is_interrupted(self, timed: Callable[..., FakeSystem]) -> None:
        def handler(*_: Any) -> WorkResult:
            while True:
                pass

        task = run(timed(handler))
        assert (task.status, task.attempt) == (TaskStatus.QUEUED, 1)
        assert task.error is not None
        assert task.error["code"] == "TASK_TIMED_OUT"

    def test_one_that_hangs_is_abandoned_and_what_it_leaves_changes_nothing(
        self, timed: Callable[..., FakeSystem]
    ) -> None:
        release = threading.Event()

        def handler(_: Any, context: Any) -> WorkResult:
            release.wait(30)
            context.report_progress(0.5)
            return WorkResult(number=1)

        task = run(timed(handler))
        assert (task.status, task.result) == (TaskStatus.QUEUED, None)
        release.set()
        assert only_task_error(task) == "TASK_TIMED_OUT"

    def test_time_outs_count_as_attempts(self, timed: Callable[..., FakeSystem]) -> None:
        def handler(_: Any, context: Any) -> WorkResult:
            while True:
                context.raise_if_stopped()

        system = timed(handler)
        for _ in range(3):
            run(system)
            system.clock.advance(10)
        assert only_task(system).status is TaskStatus.FAILED


def only_task_error(task: Any) -> str:
    assert task.error is not None
    return str(task.error["code"])


class OddError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "error_class", "code"),
    [
        (TaskCancelledError("x"), ErrorClass.CANCELLED, "TASK_CANCELLED"),
        (PermanentTaskError("x"), ErrorClass.PERMANENT, "TASK_FAILED_PERMANENT"),
        (PermanentTaskError("x", "NO_CRS"), ErrorClass.PERMANENT, "NO_CRS"),
        (ThrottledTaskError("x"), ErrorClass.THROTTLED, "TASK_THROTTLED"),
        (RetryableTaskError("x"), ErrorClass.RETRYABLE, "TASK_FAILED_RETRYABLE"),
        (DatabaseUnavailableError("x"), ErrorClass.RETRYABLE, "DATABASE_UNAVAILABLE"),
        (BlobUnavailableError("x"), ErrorClass.RETRYABLE, "BLOB_UNAVAILABLE"),
        (ContractViolationError("C", "/", "p", "e"), ErrorClass.PERMANENT, "CONTRACT_VIOLATION"),
        (UnknownTaskTypeError("t", []), ErrorClass.RETRYABLE, "UNKNOWN_TASK_TYPE"),
        (TaskTimedOutError("x"), ErrorClass.TIMED_OUT, "TASK_TIMED_OUT"),
        (TaskDeferredError("x"), ErrorClass.DEFERRED, "TASK_DEFERRED"),
        (TaskDeferredError("x", "CIRCUIT_OPEN"), ErrorClass.DEFERRED, "CIRCUIT_OPEN"),
        (OddError("x"), ErrorClass.UNKNOWN, "UNEXPECTED_ERROR"),
        (RecursionError("x"), ErrorClass.UNKNOWN, "UNEXPECTED_ERROR"),
    ],
)
def test_an_error_s_class_decides(error: Exception, error_class: ErrorClass, code: str) -> None:
    failure = failure_of(error)
    assert (failure.error_class, failure.error.error_class, failure.error.code) == (
        error_class,
        error_class,
        code,
    )


class TestMessages:
    def message(self, system: FakeSystem) -> QueuedMessage:
        (message,) = system.queue.visible()
        return message

    def test_a_message_of_a_task_that_is_not_there_is_an_error(self, system: FakeSystem) -> None:
        message = TaskQueueMessage(
            job_id="a" * 64,
            run=1,
            stage=1,
            correlation_id="c",
            task_id=task_id_of("a" * 64, 1, 1, "0"),
            attempt=1,
        )
        with pytest.raises(MessageLookupError, match="no task has the id aaaaaaaa-r1-s1-0-"):
            system.runner.handle(message)

    def test_a_message_that_comes_twice_runs_its_task_once(self, started: MakeSystem) -> None:
        calls: list[int] = []
        system = started(lambda *_: calls.append(1) or WorkResult(number=1))
        system.queue.duplicate(self.message(system))
        system.run_until_quiet()
        assert calls == [1]

    def test_a_message_that_comes_too_early_is_sent_again(self, started: MakeSystem) -> None:
        system = started(raising(RetryableTaskError("not yet")))
        run(system)
        (message,) = system.queue.messages.values()
        assert system.deliver(message) is None
        assert system.queue.visible() == []
        assert len(system.queue.messages) == 1
        assert system.database.tables.outbox == {}

    def test_the_redelivery_after_a_death_between_finish_and_close_closes_the_stage(
        self, started: MakeSystem
    ) -> None:
        system = started(lambda *_: WorkResult(number=1))
        system.database.faults.arm(ProcessDiedError(), Moment.COMMITTED, call=2)
        assert isinstance(system.deliver(self.message(system)), ProcessDiedError)
        (stage,) = system.database.tables.stages.values()
        assert (only_task(system).status, stage.status) == (TaskStatus.COMPLETED, StageStatus.OPEN)
        assert system.deliver(self.message(system)) is None
        (stage,) = system.database.tables.stages.values()
        assert stage.status is StageStatus.CLOSING

    def test_a_task_whose_job_has_ended_is_skipped_and_its_stage_closed(self, started: MakeSystem) -> None:
        system = started(raising(AssertionError("not run")))
        (job,) = system.database.tables.jobs.values()
        system.database.tables.jobs[job.job_id] = type(job)(**{**vars(job), "run": 2})
        assert run(system).status is TaskStatus.SKIPPED
        (stage,) = system.database.tables.stages.values()
        assert stage.status is StageStatus.CLOSING

    def test_a_database_that_is_away_leaves_the_message_to_the_host(self, started: MakeSystem) -> None:
        system = started(lambda *_: WorkResult(number=1))
        system.database.away = True
        assert isinstance(system.deliver(self.message(system)), DatabaseUnavailableError)
        system.database.away = False
        assert run(system).status is TaskStatus.COMPLETED
