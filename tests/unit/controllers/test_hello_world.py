"""``hello_world`` from end to end over fakes."""

from collections.abc import Iterator
from typing import Any

import pytest

from controllers.hello_world import REGISTRATION_INFO
from schema.errors import InvalidParametersError
from schema.records import JobRecord
from schema.states import JobStatus, TaskStatus
from services.hello import greeting, reply
from tests.support.system import FakeSystem


@pytest.fixture
def system() -> Iterator[FakeSystem]:
    made = FakeSystem((REGISTRATION_INFO,), ((greeting.INFO, greeting.run), (reply.INFO, reply.run)))
    yield made
    made.close()


def ended(system: FakeSystem, **parameters: Any) -> JobRecord:
    submission = system.submit("hello_world", parameters)
    system.run_until_quiet()
    return system.job(submission.job.job_id)


@pytest.mark.parametrize("n", [1, 2, 3, 30])
def test_each_greeting_gets_its_reply(system: FakeSystem, n: int) -> None:
    job = ended(system, n=n, message="hi")
    assert job.status is JobStatus.COMPLETED
    assert job.result == {"message": "hi", "greetings": n, "replies": n}


def test_a_reply_quotes_its_own_partner(system: FakeSystem) -> None:
    job = ended(system, n=12)
    replies = [task.result for task in system.repositories.stages.task_results(job.job_id, 1, 2)]
    assert replies == [{"number": n, "reply": f"heard: hello from {n}"} for n in range(12)]


def test_a_greeting_that_is_told_to_fail_fails_its_job(system: FakeSystem) -> None:
    job = ended(system, n=3, fail_at=0)
    assert job.status is JobStatus.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.stage) == ("HELLO_TOLD_TO_FAIL", 1)
    states = [task.status for task in system.repositories.stages.task_results(job.job_id, 1, 1)]
    assert states == [TaskStatus.FAILED, TaskStatus.SKIPPED, TaskStatus.SKIPPED]


def test_a_number_beyond_the_last_greeting_fails_none(system: FakeSystem) -> None:
    assert ended(system, n=1, fail_at=7).status is JobStatus.COMPLETED


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"n": 0}, "/n"),
        ({"n": 10_001}, "/n"),
        ({"n": 10**9}, "/n"),
        ({"n": "3"}, "/n"),
        ({"n": 3.0}, "/n"),
        ({"n": True}, "/n"),
        ({"n": None}, "/n"),
        ({"message": 5}, "/message"),
        ({"message": "x" * 1_001}, "/message"),
        ({"fail_at": -1}, "/fail_at"),
        ({"nn": 3}, "/nn"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(
    system: FakeSystem, parameters: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        system.submit("hello_world", parameters)
    assert [error.pointer for error in caught.value.errors] == [pointer]


def test_there_are_no_replies_where_there_was_no_first_stage() -> None:
    plan = REGISTRATION_INFO.stages[1].plan(REGISTRATION_INFO.parameters(), None)
    assert list(plan.tasks) == []
