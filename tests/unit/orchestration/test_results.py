"""The final result of a job."""

import json
from collections.abc import Callable

import pytest

from orchestration.results import ResultReader
from schema.errors import (
    BlobUnavailableError,
    JobHasNoResultError,
    JobNotFoundError,
    PermanentTaskError,
    ResultNotReadyError,
)
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import handlers, job_type, raising

MakeSystem = Callable[..., FakeSystem]


def reader(system: FakeSystem) -> ResultReader:
    return ResultReader(system.repositories.jobs, system.payload_store)


def submitted(system: FakeSystem, n: int = 2) -> str:
    return system.submit("trial", {"n": n}).job.job_id


def test_a_small_result_comes_from_the_row(system: FakeSystem) -> None:
    job_id = submitted(system)
    system.run_until_quiet()
    found = reader(system).find(job_id)
    assert found.reference is None
    assert json.loads(reader(system).content(found)) == {"tasks": [2]}


def test_a_large_result_comes_as_it_is_stored(make_system: MakeSystem) -> None:
    system = make_system(job_type(), handlers(), payload_limit=5)
    job_id = submitted(system)
    system.run_until_quiet()
    found = reader(system).find(job_id)
    assert found.reference is not None
    assert reader(system).content(found) == system.payload_store.values[found.reference]
    assert json.loads(reader(system).content(found)) == {"tasks": [2]}


def test_a_large_result_is_not_read_before_it_is_asked_for(make_system: MakeSystem) -> None:
    system = make_system(job_type(), handlers(), payload_limit=5)
    job_id = submitted(system)
    system.run_until_quiet()
    system.payload_store.away = True
    found = reader(system).find(job_id)
    with pytest.raises(BlobUnavailableError):
        reader(system).content(found)


def test_the_digest_changes_with_the_result(system: FakeSystem) -> None:
    first, second = submitted(system, 1), submitted(system, 2)
    system.run_until_quiet()
    digests = [reader(system).find(job_id).digest for job_id in (first, second, second)]
    assert digests[0] != digests[1] == digests[2]


def test_while_a_job_is_not_final_there_is_none_yet(system: FakeSystem) -> None:
    job_id = submitted(system)
    with pytest.raises(ResultNotReadyError, match="the job is queued"):
        reader(system).find(job_id)


def test_a_failed_job_has_none_and_says_why(make_system: MakeSystem) -> None:
    system = make_system(job_type(), handlers(raising(PermanentTaskError("never", "BROKEN"))))
    job_id = submitted(system)
    system.run_until_quiet()
    with pytest.raises(JobHasNoResultError, match=r"failed \(BROKEN\)"):
        reader(system).find(job_id)


def test_a_cancelled_job_has_none(system: FakeSystem) -> None:
    job_id = submitted(system)
    system.control.cancel(job_id, "no longer needed", "corr-2")
    with pytest.raises(JobHasNoResultError, match=r"cancelled \(JOB_CANCELLED\)"):
        reader(system).find(job_id)


def test_an_unknown_job_is_an_error(system: FakeSystem) -> None:
    with pytest.raises(JobNotFoundError):
        reader(system).find("a" * 64)
