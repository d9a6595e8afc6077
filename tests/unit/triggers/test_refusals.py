"""What the routes refuse before they ask anything of a server: every server is missing here."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.support.routes import call

UNKNOWN_JOB = "0" * 64
RESETS = ["redeploy", "nuke"]


@pytest.fixture
def application() -> Any:
    """An application with nothing but a clock and settings: to use anything else is an error."""
    return SimpleNamespace(clock=FakeClock(), max_body_bytes=1_000, allow_schema_reset=True)


@pytest.mark.parametrize(
    ("target", "pointer"),
    [
        ("/db/jobs?limit=0", "?limit"),
        ("/db/jobs?limit=1001", "?limit"),
        ("/db/jobs?limit=ten", "?limit"),
        ("/db/jobs?limit=", "?limit"),
        ("/db/jobs?limit=-1", "?limit"),
        ("/db/jobs?limit=1e3", "?limit"),
        ("/db/jobs?hours=0", "?hours"),
        ("/db/jobs?hours=99999999", "?hours"),
        ("/db/jobs?status=done", "?status"),
        ("/db/jobs?job_type=", "?job_type"),
        ("/db/jobs?job_type=%00", "?job_type"),
        ("/db/jobs?colour=red", "?colour"),
        ("/db/tasks?stage=0", "?stage"),
        ("/db/tasks?stage=one", "?stage"),
        ("/db/tasks?status=open", "?status"),
        ("/db/tasks?task_type=" + "x" * 201, "?task_type"),
        ("/db/tasks?job_id=1", "?job_id"),
        (f"/db/tasks/{UNKNOWN_JOB}?cursor=nonsense", "?cursor"),
        (f"/db/tasks/{UNKNOWN_JOB}?cursor=WzEsMV0", "?cursor"),
        (f"/db/tasks/{UNKNOWN_JOB}?cursor=WzEsMSwtMV0", "?cursor"),
        (f"/db/tasks/{UNKNOWN_JOB}?cursor=WzEsMSw5OTk5OTk5OTk5XQ", "?cursor"),
        (f"/db/jobs/{UNKNOWN_JOB}?limit=1", "?limit"),
        ("/db/stats?limit=1", "?limit"),
        ("/db/enums/diagnostic?x=1", "?x"),
        ("/db/functions/test?x=1", "?x"),
        ("/db/debug/all?limit=0", "?limit"),
    ],
)
def test_a_query_that_is_not_valid_names_its_parameter(application: Any, target: str, pointer: str) -> None:
    answer = call(application, "GET", target)
    assert answer.status == 400
    assert answer.content_type == "application/problem+json"
    assert answer.error_pointers == [pointer]


@pytest.mark.parametrize("path", ["/db/jobs/nonsense", f"/db/tasks/{'g' * 64}", f"/db/jobs/{'0' * 63}"])
def test_a_job_id_that_is_none_is_a_400(application: Any, path: str) -> None:
    answer = call(application, "GET", path)
    assert (answer.status, answer.json()["code"]) == (400, "INVALID_IDENTIFIER")


@pytest.mark.parametrize("route", RESETS)
@pytest.mark.parametrize("given", ["", "?confirm=no", "?confirm=YES", "?confirm=true"])
def test_a_reset_that_is_not_confirmed_is_a_400(application: Any, route: str, given: str) -> None:
    answer = call(application, "POST", f"/db/schema/{route}{given}")
    assert (answer.status, answer.json()["code"]) == (400, "CONFIRMATION_MISSING")


@pytest.mark.parametrize("route", RESETS)
@pytest.mark.parametrize("given", ["", "?confirm=yes"])
def test_a_reset_that_is_not_allowed_is_a_403(application: Any, route: str, given: str) -> None:
    application.allow_schema_reset = False
    answer = call(application, "POST", f"/db/schema/{route}{given}")
    assert (answer.status, answer.json()["code"]) == (403, "RESET_FORBIDDEN")


@pytest.mark.parametrize(
    "target", ["redeploy?confirm=yes&force=yes", "nuke?confirm=yes&x=", "migrate?confirm=yes"]
)
def test_schema_routes_refuse_unknown_parameters(application: Any, target: str) -> None:
    assert call(application, "POST", f"/db/schema/{target}").status == 400
