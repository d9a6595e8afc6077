"""How an attempt's end is stored while the database comes and goes."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from schema.errors import DatabaseUnavailableError
from schema.states import StageStatus, TaskStatus
from tests.fakes.faults import Moment
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import WorkResult, only_task, run, run_work

Started = Callable[..., FakeSystem]


def _with_the_database_away(system_of: Started, moment: Moment) -> FakeSystem:
    """The database is away for one call, the one that stores how the attempt ended."""
    systems: list[FakeSystem] = []

    def handler(parameters: Any, context: Any) -> WorkResult:
        systems[0].database.faults.arm(DatabaseUnavailableError("away"), moment)
        return run_work(parameters, context)

    systems.append(system_of(handler))
    return systems[0]


def test_it_is_stored_when_the_database_is_back(started: Started, caplog: pytest.LogCaptureFixture) -> None:
    system = _with_the_database_away(started, Moment.BEGIN)
    with caplog.at_level(logging.WARNING):
        task = run(system)
    assert (task.status, task.attempt) == (TaskStatus.COMPLETED, 1)
    assert "attempt could not be stored yet" in caplog.messages


def test_one_that_was_stored_without_an_answer_still_closes_its_stage(started: Started) -> None:
    system = _with_the_database_away(started, Moment.COMMITTED)
    task = run(system)
    stage = system.repositories.stages.get(task.job_id, 1, 1)
    assert task.status is TaskStatus.COMPLETED
    assert stage is not None
    assert stage.status is StageStatus.CLOSING
    assert [message.queue for message in system.queue.visible()] == ["geospatial-jobs"]


def test_after_its_lease_it_is_left_to_the_next_attempt(started: Started) -> None:
    systems: list[FakeSystem] = []

    def handler(parameters: Any, context: Any) -> WorkResult:
        system = systems[0]
        system.clock.advance(119.8)
        system.database.faults.arm(DatabaseUnavailableError("away"), Moment.BEGIN)
        return run_work(parameters, context)

    systems.append(started(handler))
    failure = systems[0].deliver(systems[0].queue.visible()[0])
    assert isinstance(failure, DatabaseUnavailableError)
    assert only_task(systems[0]).status is TaskStatus.PROCESSING
