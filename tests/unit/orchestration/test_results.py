"""The final result of a job."""

import json
from collections.abc import Callable

import pytest

from orchestration.results import ResultReader
from schema.errors import (
    BlobUnavailableError,
    BusyError,
    JobHasNoResultError,
    JobNotFoundError,
    PermanentTaskError,
    ResultNotReadyError,
    ResultTooLargeError,
)
from tests.fakes.payloads import FakePayloadStore
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
    assert json.loads(reader(system).whole(found)) == {"tasks": [2]}


def test_a_large_result_comes_as_it_is_stored(make_system: MakeSystem) -> None:
    system = make_system(job_type(), handlers(), payload_limit=5)
    job_id = submitted(system)
    system.run_until_quiet()
    found = reader(system).find(job_id)
    assert found.reference is not None
    assert reader(system).whole(found) == system.payload_store.values[found.reference]
    assert json.loads(reader(system).whole(found)) == {"tasks": [2]}


def test_a_large_result_is_not_read_before_it_is_asked_for(make_system: MakeSystem) -> None:
    system = make_system(job_type(), handlers(), payload_limit=5)
    job_id = submitted(system)
    system.run_until_quiet()
    system.payload_store.away = True
    found = reader(system).find(job_id)
    with pytest.raises(BlobUnavailableError):
        reader(system).whole(found)


@pytest.fixture
def large(make_system: MakeSystem) -> tuple[FakeSystem, str]:
    """A job whose result, ``{"tasks":[2]}``, lies in the store."""
    system = make_system(job_type(), handlers(), payload_limit=5)
    job_id = submitted(system)
    system.run_until_quiet()
    return system, job_id


def test_a_result_that_is_too_large_for_one_answer_is_not_read(large: tuple[FakeSystem, str]) -> None:
    system, job_id = large
    small = ResultReader(system.repositories.jobs, system.payload_store, limit=12)
    with pytest.raises(ResultTooLargeError, match="has 13 bytes and an answer at most 12:"):
        small.whole(small.find(job_id))
    fitting = ResultReader(system.repositories.jobs, system.payload_store, limit=13)
    assert len(fitting.whole(fitting.find(job_id))) == 13


@pytest.mark.parametrize("payload_limit", [5, 1_000])
def test_a_result_comes_in_parts(make_system: MakeSystem, payload_limit: int) -> None:
    system = make_system(job_type(), handlers(), payload_limit=payload_limit)
    job_id = submitted(system)
    system.run_until_quiet()
    small = ResultReader(system.repositories.jobs, system.payload_store, limit=5)
    found = small.find(job_id)
    parts = [small.part(found, first, small.size(found)) for first in range(0, small.size(found), 5)]
    assert [len(part) for part in parts] == [5, 5, 3]
    assert json.loads(b"".join(parts)) == {"tasks": [2]}


def test_so_many_large_results_are_read_at_once_and_no_more(large: tuple[FakeSystem, str]) -> None:
    system, job_id = large
    store = system.payload_store
    busy = ResultReader(system.repositories.jobs, store, most_reads=1, patience=0)
    found = busy.find(job_id)
    refusals: list[str] = []

    def read_meanwhile(reference: str, first: int, length: int) -> bytes:
        with pytest.raises(BusyError) as refusal:
            busy.whole(found)
        refusals.append(refusal.value.code)
        return FakePayloadStore.read(store, reference, first, length)

    store.read = read_meanwhile  # type: ignore[method-assign] -- somebody else asks while it reads
    assert json.loads(busy.whole(found)) == {"tasks": [2]}
    assert refusals == ["BUSY"]


def test_a_read_that_failed_makes_room_for_the_next(large: tuple[FakeSystem, str]) -> None:
    system, job_id = large
    one = ResultReader(system.repositories.jobs, system.payload_store, most_reads=1, patience=0)
    found = one.find(job_id)
    system.payload_store.away = True
    with pytest.raises(BlobUnavailableError):
        one.part(found, 0, 1)
    system.payload_store.away = False
    assert json.loads(one.whole(found)) == {"tasks": [2]}


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
