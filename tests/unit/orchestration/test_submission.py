"""The same request is the same job."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from orchestration.submission import Caller
from schema.errors import (
    ContractViolationError,
    DatabaseUnavailableError,
    InvalidParametersError,
    UnknownJobTypeError,
)
from schema.identity import job_id_of
from schema.states import JobStatus
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import CALLER, handlers, job_type, raising, stage

DEFAULTS = {"dataset_id": None, "resource_id": None, "version_id": None}


def test_a_new_job_is_stored_with_its_defaults_under_its_id(system: FakeSystem) -> None:
    submission = system.submit("trial", {})
    assert submission.created
    assert submission.job.parameters == {"n": 2, **DEFAULTS}
    assert submission.job.job_id == job_id_of("trial", {"n": 2, **DEFAULTS})


def test_the_message_that_plans_its_first_stage_is_sent_at_once(system: FakeSystem) -> None:
    system.submit("trial", {})
    assert [message.queue for message in system.queue.visible()] == ["geospatial-jobs"]
    assert system.database.tables.outbox == {}


def test_who_submits_is_on_record(system: FakeSystem) -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    job = system.submitter("trial", {}, Caller("corr-7", trace, "someone")).job
    assert (job.correlation_id, job.traceparent, job.submitted_by) == ("corr-7", trace, "someone")


def test_the_same_parameters_are_the_same_job(system: FakeSystem) -> None:
    first = system.submit("trial", {})
    again = system.submit("trial", {"n": 2, "dataset_id": None})
    assert (again.created, again.job) == (False, first.job)
    assert len(system.queue.messages) == 1


@pytest.mark.parametrize("parameters", [{"n": 3}, {"dataset_id": "a"}, {"version_id": "a"}])
def test_other_parameters_are_another_job(system: FakeSystem, parameters: dict[str, Any]) -> None:
    system.submit("trial", {})
    assert system.submit("trial", parameters).created


def test_of_many_equal_submissions_at_once_one_creates_the_job(system: FakeSystem) -> None:
    with ThreadPoolExecutor(16) as pool:
        submissions = list(pool.map(lambda _: system.submit("trial", {"n": 5}), range(200)))
    assert sum(submission.created for submission in submissions) == 1
    assert len(system.queue.messages) == 1


def test_an_unknown_job_type_is_answered_with_those_there_are(system: FakeSystem) -> None:
    with pytest.raises(UnknownJobTypeError, match=r"unknown job type 'tral'; known: trial"):
        system.submit("tral", {})


@pytest.mark.parametrize(
    ("body", "pointers"),
    [({"n": "many"}, ["/n"]), ({"m": 1}, ["/m"]), ({"n": None, "x": 1}, ["/n", "/x"])],
)
def test_each_invalid_field_is_named_and_nothing_is_stored(
    system: FakeSystem, body: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        system.submit("trial", body)
    assert [error.pointer for error in caught.value.errors] == pointers
    assert str(caught.value).startswith("the parameters of trial are not valid: /")
    assert system.database.tables.jobs == {}


def test_a_queue_that_is_away_is_no_failure(system: FakeSystem) -> None:
    system.queue.outage = True
    assert system.submit("trial", {}).created
    system.queue.outage = False
    system.clock.advance(61)
    system.run_until_quiet()
    (job,) = system.database.tables.jobs.values()
    assert job.status is JobStatus.COMPLETED


def test_a_database_that_is_away_is_a_failure(system: FakeSystem) -> None:
    system.database.away = True
    with pytest.raises(DatabaseUnavailableError):
        system.submit("trial", {})


@pytest.mark.parametrize("count", [lambda _: 0, lambda _: 2, raising(KeyError("n"))])
def test_a_number_of_stages_that_cannot_be_is_the_controller_s_violation(
    make_system: Callable[..., FakeSystem], count: Callable[[Any], int]
) -> None:
    system = make_system(job_type(stage(), stage_count=count), handlers())
    with pytest.raises(ContractViolationError) as caught:
        system.submit("trial", {})
    assert caught.value.producer == "trial.stage_count"
    assert system.database.tables.jobs == {}


@pytest.mark.parametrize(("times", "message"), [(1, "job submitted"), (2, "job was there already")])
def test_it_is_logged(system: FakeSystem, caplog: pytest.LogCaptureFixture, times: int, message: str) -> None:
    with caplog.at_level(logging.INFO, logger="orchestration.submission"):
        for _ in range(times):
            system.submitter("trial", {}, CALLER)
    record = caplog.records[-1]
    assert (record.msg, record.__dict__["correlation_id"]) == (message, "corr-1")
