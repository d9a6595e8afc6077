import httpx
import pytest

from geojobs_client import Job, NoAnswerError, WaitTimedOutError
from tests.unit.client.support import JOB_ID, FakeClock, FakeServer, job, ok, problem


def test_a_job_is_waited_for_until_it_is_final() -> None:
    clock = FakeClock()
    server = FakeServer(ok(job("queued")), ok(job("processing")), ok(job("failed")))
    assert server.client(clock).wait(JOB_ID).status == "failed"
    assert len(clock.slept) == 2


@pytest.mark.parametrize("status", ["completed", "completed_with_errors", "failed", "cancelled"])
def test_one_that_has_ended_is_not_waited_for(status: str) -> None:
    clock = FakeClock()
    assert FakeServer(ok(job(status))).client(clock).wait(JOB_ID).status == status
    assert clock.slept == []


def test_it_is_asked_for_ever_less_often() -> None:
    clock = FakeClock()
    server = FakeServer(*[ok(job("processing"))] * 12, ok(job()))
    server.client(clock).wait(JOB_ID)
    assert clock.slept == sorted(clock.slept)
    assert (clock.slept[0], clock.slept[-1]) == (0.5, 5.0)


def test_what_moves_is_looked_at_more_often_again() -> None:
    clock = FakeClock()
    moved = ok(job("processing", updated_at="2026-01-31T12:00:09Z"))
    server = FakeServer(*[ok(job("processing"))] * 5, moved, ok(job()))
    server.client(clock).wait(JOB_ID)
    assert clock.slept[-1] == 0.5


def test_the_server_says_when_to_ask_again() -> None:
    clock = FakeClock()
    server = FakeServer(ok(job("processing"), Retry_After="9"), ok(job()))
    server.client(clock).wait(JOB_ID)
    assert clock.slept == [9.0]


def test_a_wait_ends_in_time() -> None:
    clock = FakeClock()
    server = FakeServer(ok(job("processing"), Retry_After="4"))
    with pytest.raises(WaitTimedOutError, match=f"job {JOB_ID} was still processing after 10 s") as caught:
        server.client(clock).wait(JOB_ID, timeout=10)
    assert caught.value.job is not None
    assert caught.value.job.progress == 50
    assert clock.slept == [4.0, 4.0, 2.0]


def test_a_wait_of_no_time_looks_once() -> None:
    server = FakeServer(ok(job("processing")))
    with pytest.raises(WaitTimedOutError):
        server.client().wait(JOB_ID, timeout=0)
    assert len(server.requests) == 1


def test_a_server_that_hangs_does_not_hold_a_wait_beyond_its_time() -> None:
    clock = FakeClock()

    def hang(request: httpx.Request) -> httpx.Response:
        clock.sleep(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("late", request=request)

    server = FakeServer(hang)
    with pytest.raises(WaitTimedOutError, match="not seen after 5 s"):
        server.client(clock, retries=3).wait(JOB_ID, timeout=5)
    assert clock.now <= 1_006


@pytest.mark.parametrize("asked", ["20", "3600"])
def test_a_server_that_is_busy_for_the_rest_of_a_wait_lets_it_time_out(asked: str) -> None:
    clock = FakeClock()
    server = FakeServer(ok(job("processing")), problem(503, headers={"Retry_After": asked}))
    with pytest.raises(WaitTimedOutError, match="still processing after 5 s"):
        server.client(clock, retries=3).wait(JOB_ID, timeout=5)
    assert clock.now == 1_005
    assert len(server.requests) == 3


def test_a_server_that_recovers_at_the_end_of_a_wait_is_heard() -> None:
    clock = FakeClock()
    server = FakeServer(problem(503, headers={"Retry_After": "20"}), ok(job()))
    assert server.client(clock, retries=3).wait(JOB_ID, timeout=5).status == "completed"
    assert clock.slept == [5.0]


def test_a_server_that_is_away_ends_a_wait_that_has_time_left() -> None:
    server = FakeServer(ok(job("processing")), httpx.ConnectError("refused"))
    with pytest.raises(NoAnswerError):
        server.client(retries=1).wait(JOB_ID, timeout=60)


def test_each_state_seen_is_told() -> None:
    seen: list[Job] = []
    server = FakeServer(ok(job("queued")), ok(job("processing")), ok(job()))
    server.client().wait(JOB_ID, on_update=seen.append)
    assert [each.status for each in seen] == ["queued", "processing", "completed"]
