"""What a running handler learns of its lease, and what it reads of earlier stages."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from schema.errors import LeaseLostError, PermanentTaskError
from schema.states import TaskStatus
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    TOLERANT,
    WorkParameters,
    WorkResult,
    handlers,
    job_type,
    only_task,
    raising,
    run,
    stage,
)

MakeSystem = Callable[..., FakeSystem]


class TestLeases:
    def test_an_attempt_whose_lease_is_lost_writes_nothing(
        self, started: MakeSystem, caplog: pytest.LogCaptureFixture
    ) -> None:
        system = started(raising(LeaseLostError("gone")))
        with caplog.at_level(logging.WARNING):
            task = run(system)
        assert task.status is TaskStatus.PROCESSING
        assert "attempt abandoned, its lease is lost" in caplog.messages

    def test_a_handler_learns_that_its_lease_went_to_another(self, started: MakeSystem) -> None:
        system = started(lambda _parameters, context: lose_the_lease(system, context))
        task = run(system)
        assert (task.status, task.attempt) == (TaskStatus.QUEUED, 1)
        assert task.error is not None
        assert task.error["code"] == "LEASE_EXPIRED"

    def test_a_late_result_is_dropped(self, started: MakeSystem, caplog: pytest.LogCaptureFixture) -> None:
        def handler(*_: Any) -> WorkResult:
            system.clock.advance(121)
            system.sweeper()
            return WorkResult(number=1)

        system = started(handler)
        with caplog.at_level(logging.INFO):
            task = run(system)
        assert (task.status, task.result) == (TaskStatus.QUEUED, None)
        (record,) = [record for record in caplog.records if record.msg == "attempt finished"]
        assert (record.levelno, record.__dict__["outcome"]) == (logging.WARNING, "lost")

    def test_a_handler_learns_that_it_should_stop(self, make_system: MakeSystem) -> None:
        def handler(parameters: WorkParameters, context: Any) -> WorkResult:
            if parameters.number == 1:
                raise PermanentTaskError("broken")
            system.deliver(system.queue.visible()[0])
            system.clock.advance(30)
            system.keeper.beat()
            context.raise_if_stopped()
            return WorkResult(number=1)

        system = make_system(job_type(), handlers(handler))
        system.submit("trial", {})
        system.run_until_quiet()
        states = [task.status for task in system.database.tables.tasks.values()]
        assert states == [TaskStatus.CANCELLED, TaskStatus.FAILED]

    def test_progress_is_kept_between_0_and_1(self, started: MakeSystem) -> None:
        told: list[float | None] = []

        def handler(_: Any, context: Any) -> WorkResult:
            for fraction in (-1, 0.5, 7):
                context.report_progress(fraction)
                system.clock.advance(30)
                system.keeper.beat()
                told.append(only_task(system).progress)
            context.raise_if_stopped()
            return WorkResult(number=1)

        system = started(handler)
        run(system)
        assert told == [0, 0.5, 1]


def lose_the_lease(system: FakeSystem, context: Any) -> WorkResult:
    system.clock.advance(121)
    system.sweeper()
    system.keeper.beat()
    context.raise_if_stopped()
    raise AssertionError("the handler went on")


class TestEarlierResults:
    def read(self, make_system: MakeSystem, read: Callable[[Any], Any]) -> list[Any]:
        """What the second stage's only task reads of the first stage's two."""
        got: list[Any] = []

        def handler(parameters: WorkParameters, context: Any) -> WorkResult:
            if context.stage == 2:
                got.append(read(context))
            elif parameters.number == 1:
                raise PermanentTaskError("broken")
            return WorkResult(number=parameters.number)

        system = make_system(job_type(stage(failure=TOLERANT), stage(name="second")), handlers(handler))
        system.submit("trial", {"n": 2})
        system.run_until_quiet()
        return got

    def test_a_result_is_read_by_stage_and_index(self, make_system: MakeSystem) -> None:
        got = self.read(make_system, lambda context: context.result_of(1, "0"))
        assert got == [{"number": 0, "processed_items": 1}] * 2

    @pytest.mark.parametrize(("number", "index"), [(1, "1"), (1, "5"), (2, "1")])
    def test_what_has_not_completed_has_no_result(
        self, make_system: MakeSystem, number: int, index: str
    ) -> None:
        def read(context: Any) -> Any:
            with pytest.raises(
                PermanentTaskError, match=f"no completed task with the index '{index}'"
            ) as caught:
                context.result_of(number, index)
            return caught.value.error_code

        assert self.read(make_system, read) == ["RESULT_MISSING"] * 2

    def test_all_results_are_read_in_order(self, make_system: MakeSystem) -> None:
        got = self.read(make_system, lambda context: list(context.results_of(1)))
        assert got == [[("0", {"number": 0, "processed_items": 1})]] * 2
