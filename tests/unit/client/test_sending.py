import httpx
import pytest

from geojobs_client import NoAnswerError, ServiceUnavailableError, UnexpectedAnswerError
from tests.unit.client.support import JOB_ID, FakeClock, FakeServer, job, ok, problem, submission

CONTROL = {"job_id": JOB_ID, "job_type": "x", "status": "cancelled", "run": 1, "stage": 1}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_reading_is_repeated_where_the_server_is_busy(status: int) -> None:
    clock = FakeClock()
    server = FakeServer(httpx.Response(status), ok(job()))
    assert server.client(clock, retries=1).status(JOB_ID).status == "completed"
    assert len(clock.slept) == 1


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("late"), httpx.RemoteProtocolError("gone")]
)
def test_submitting_is_repeated_where_the_connection_fails(error: Exception) -> None:
    server = FakeServer(error, ok(submission()))
    assert server.client(retries=1).submit("hello_world", {"n": 4}).job_id == JOB_ID
    assert server.requests[0].content == server.requests[1].content == b'{"n":4}'


def test_the_number_of_repetitions_is_bounded_and_they_grow_apart() -> None:
    clock = FakeClock()
    server = FakeServer(httpx.ConnectError("refused"))
    with pytest.raises(NoAnswerError, match=r"http://jobs.example/ could not be reached: refused"):
        server.client(clock, retries=3).status(JOB_ID)
    assert len(server.requests) == 4
    assert clock.slept == sorted(clock.slept)
    assert 2 < sum(clock.slept) < 5


def test_what_the_server_asks_for_is_waited() -> None:
    clock = FakeClock()
    server = FakeServer(problem(503, headers={"Retry_After": "7"}), ok(job()))
    server.client(clock, retries=1).status(JOB_ID)
    assert clock.slept == [7.0]


def test_a_server_that_asks_for_much_patience_is_left_alone() -> None:
    server = FakeServer(problem(503, headers={"Retry_After": "3600"}))
    with pytest.raises(ServiceUnavailableError) as caught:
        server.client(retries=3).status(JOB_ID)
    assert len(server.requests) == 1
    assert caught.value.retry_after == 3600


@pytest.mark.parametrize("action", ["retry", "rerun"])
def test_what_is_not_safe_to_repeat_is_sent_once(action: str) -> None:
    server = FakeServer(httpx.ReadTimeout("late"), ok(CONTROL))
    with pytest.raises(NoAnswerError, match="did not answer in time"):
        getattr(server.client(retries=3), action)(JOB_ID)
    assert len(server.requests) == 1


@pytest.mark.parametrize("action", ["retry", "rerun"])
def test_what_never_left_is_sent_again_whatever_it_is(action: str) -> None:
    server = FakeServer(httpx.ConnectError("refused"), ok(CONTROL))
    getattr(server.client(retries=1), action)(JOB_ID)
    assert len(server.requests) == 2


def test_cancelling_is_repeated() -> None:
    server = FakeServer(httpx.ReadTimeout("late"), ok(CONTROL, 202))
    assert server.client(retries=1).cancel(JOB_ID).status == "cancelled"


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500])
def test_what_would_be_refused_again_is_not_repeated(status: int) -> None:
    server = FakeServer(problem(status))
    with pytest.raises(Exception, match="it is so"):
        server.client(retries=3).status(JOB_ID)
    assert len(server.requests) == 1


def test_every_request_has_a_time_out() -> None:
    server = FakeServer(ok(job()))
    server.client(timeout=3.0).status(JOB_ID)
    assert server.request.extensions["timeout"] == {"connect": 3.0, "read": 3.0, "write": 3.0, "pool": 3.0}


def test_a_body_that_breaks_off_is_asked_for_again() -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield b"{"
            raise httpx.ReadError("reset")

    server = FakeServer(httpx.Response(200, stream=Broken()), ok(job()))
    assert server.client(retries=1).status(JOB_ID).job_id == JOB_ID


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"status": "completed"}'])
def test_an_answer_of_something_else_is_unexpected(body: bytes) -> None:
    server = FakeServer(httpx.Response(200, content=body))
    with pytest.raises(UnexpectedAnswerError, match="is no Job"):
        server.client().status(JOB_ID)


def test_a_closed_client_holds_no_connection() -> None:
    server = FakeServer(ok(job()))
    with server.client() as geojobs:
        geojobs.status(JOB_ID)
    assert geojobs._sender._http.is_closed
