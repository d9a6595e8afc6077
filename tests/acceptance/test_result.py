"""The final result over its route, small and large, and why there is none."""

import json
from uuid import uuid4

import pytest

from tests.acceptance.hosting import Host


@pytest.fixture(scope="module")
def large(trial_host: Host) -> str:
    """A job whose result has more than 1 MB."""
    ended = trial_host.run("trial_large", act="work", tasks=2, salt=uuid4().hex)
    assert ended["status"] == "completed", ended["error"]
    return ended["job_id"]


def test_a_small_result_is_that_of_the_status(host: Host) -> None:
    ended = host.run("hello_world", n=2, message=uuid4().hex)
    answer = host.http.get(ended["links"]["result"].removeprefix("/api/"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == ended["result_data"]


def test_a_large_result_comes_whole_from_blob_storage(trial_host: Host, large: str) -> None:
    status = trial_host.status(large)
    assert status["result_data"] is None
    answer = trial_host.http.get(f"jobs/{large}/result")
    assert answer.status_code == 200
    assert answer.json() == {"tasks": 4, "text": "y" * 1_200_000}


def test_a_large_result_is_passed_on_as_it_is_stored(trial_host: Host, large: str) -> None:
    (row,) = trial_host.rows("select result_ref from app.jobs where job_id = %s", large)
    with trial_host.blobs() as service:
        stored = service.get_blob_client("geojobs-payloads", row["result_ref"]).download_blob().readall()
    assert trial_host.http.get(f"jobs/{large}/result").content == stored


def test_a_result_that_is_known_is_not_sent_again(trial_host: Host, large: str) -> None:
    tag = trial_host.http.get(f"jobs/{large}/result").headers["etag"]
    again = trial_host.http.get(f"jobs/{large}/result", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_degraded_job_has_a_result(trial_host: Host) -> None:
    ended = trial_host.run("trial_tolerant", act="broken", tasks=3, first=1, salt=uuid4().hex)
    assert ended["status"] == "completed_with_errors"
    assert trial_host.http.get(f"jobs/{ended['job_id']}/result").json() == {"tasks": 1}


def test_while_a_job_runs_there_is_no_result_yet(trial_host: Host) -> None:
    salt = uuid4().hex
    job_id = trial_host.submit("trial_fast", act="hold", tasks=1, salt=salt)
    try:
        answer = trial_host.http.get(f"jobs/{job_id}/result")
        assert (answer.status_code, answer.json()["code"]) == (409, "RESULT_NOT_READY")
        assert answer.headers["retry-after"] == "1"
    finally:
        trial_host.let_go(salt)
    trial_host.wait(job_id)
    assert trial_host.http.get(f"jobs/{job_id}/result").json() == {"tasks": 1}


def test_a_failed_job_has_no_result_and_says_why(trial_host: Host) -> None:
    job_id = trial_host.run("trial_fast", act="broken", tasks=1, salt=uuid4().hex)["job_id"]
    answer = trial_host.http.get(f"jobs/{job_id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "JOB_HAS_NO_RESULT")
    assert "TRIAL_BROKEN" in json.dumps(answer.json()["detail"])
