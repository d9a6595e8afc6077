"""A sweep repairs, then sends what that gave rise to."""

import logging

import pytest

from schema.errors import DatabaseUnavailableError
from tests.fakes.faults import Moment, ProcessDiedError
from tests.support.system import FakeSystem


def test_what_a_repair_queued_is_sent(system: FakeSystem) -> None:
    system.submit("trial", {})
    system.queue.messages.clear()
    system.clock.advance(301)
    report = system.sweeper()
    assert report.repairs["stalled_jobs"] == 1
    assert len(system.queue.visible()) == 1
    assert system.database.tables.outbox == {}


def test_repairs_are_logged(system: FakeSystem, caplog: pytest.LogCaptureFixture) -> None:
    system.submit("trial", {})
    system.queue.messages.clear()
    system.clock.advance(301)
    with caplog.at_level(logging.WARNING):
        system.sweeper()
    (record,) = caplog.records
    assert (record.msg, record.__dict__["repairs"]["stalled_jobs"]) == ("sweep repaired", 1)


def test_a_pass_with_nothing_to_do_is_silent(system: FakeSystem, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        system.sweeper()
    assert caplog.records == []


def test_a_pass_that_dies_stays_on_record_as_open(system: FakeSystem) -> None:
    system.database.faults.arm(ProcessDiedError(), Moment.BEGIN, call=3)
    with pytest.raises(ProcessDiedError):
        system.sweeper()
    assert [row.report for row in system.database.tables.sweeps] == [None]


def test_a_pass_with_a_repair_that_failed_is_logged(
    system: FakeSystem, caplog: pytest.LogCaptureFixture
) -> None:
    system.database.faults.arm(DatabaseUnavailableError("away"), Moment.BEGIN, call=3)
    report = system.sweeper()
    assert report.errors == {"deadlines": "DatabaseUnavailableError"}
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "sweep was not whole")
