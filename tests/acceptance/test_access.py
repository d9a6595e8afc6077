"""Who may call what: keys where they are asked for, and no anonymous app where it is deployed."""

import pytest

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import FUNCTION_KEY, MASTER_KEY, Host

KEYS = {"DEVHOST_FUNCTION_KEY": FUNCTION_KEY, "DEVHOST_MASTER_KEY": MASTER_KEY}
OPEN = [("GET", "health/live")]
FOR_USERS = [
    ("POST", "jobs/submit/hello_world?dry_run=true"),
    ("GET", "jobs"),
    ("GET", "job-types"),
    ("GET", "job-types/hello_world"),
    ("GET", "db/jobs"),
    ("GET", "db/tasks"),
    ("GET", "db/stats"),
    ("GET", "db/enums/diagnostic"),
    ("GET", "db/functions/test"),
    ("GET", "health"),
    ("GET", "monitor/poison"),
]
UNKNOWN = "0123456789abcdef" * 4
FOR_ADMINS = [
    ("POST", f"jobs/{UNKNOWN}/cancel"),
    ("POST", f"jobs/{UNKNOWN}/retry"),
    ("POST", f"jobs/{UNKNOWN}/rerun"),
    ("POST", "monitor/poison"),
    ("POST", "monitor/poison/1/replay"),
    ("DELETE", "monitor/poison/1"),
    ("POST", "db/maintenance/cleanup?dry_run=true"),
    ("GET", "db/debug/all"),
    ("POST", "db/schema/migrate"),
    ("POST", "db/schema/redeploy?confirm=yes"),
    ("POST", "db/schema/nuke?confirm=yes"),
]


@pytest.fixture(scope="module")
def keyed(module_hosts: HostFactory) -> Host:
    return module_hosts(AUTH_MODE="keys", ALLOW_SCHEMA_RESET="false", **KEYS)


def status(host: Host, method: str, path: str, key: str | None = None) -> int:
    headers = {} if key is None else {"x-functions-key": key}
    return host.http.request(method, path, headers=headers).status_code


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_an_open_route_needs_no_key(keyed: Host, method: str, path: str) -> None:
    assert status(keyed, method, path) == 200


@pytest.mark.parametrize(("method", "path"), [*FOR_USERS, *FOR_ADMINS])
@pytest.mark.parametrize("key", [None, "", "wrong", FUNCTION_KEY[:-1], FUNCTION_KEY.upper()])
def test_without_the_right_key_a_route_is_closed(
    keyed: Host, method: str, path: str, key: str | None
) -> None:
    assert status(keyed, method, path, key) == 401


@pytest.mark.parametrize(("method", "path"), FOR_USERS)
@pytest.mark.parametrize("key", [FUNCTION_KEY, MASTER_KEY])
def test_either_key_opens_reading_and_submitting(keyed: Host, method: str, path: str, key: str) -> None:
    assert status(keyed, method, path, key) == 200


@pytest.mark.parametrize(("method", "path"), FOR_ADMINS)
def test_the_function_key_does_not_open_what_is_for_admins(keyed: Host, method: str, path: str) -> None:
    assert status(keyed, method, path, FUNCTION_KEY) == 401


@pytest.mark.parametrize(("method", "path"), FOR_ADMINS)
def test_the_master_key_opens_what_is_for_admins(keyed: Host, method: str, path: str) -> None:
    # what is forbidden or not there is so by the app itself, which is behind the door that the key opened
    assert status(keyed, method, path, MASTER_KEY) in (200, 403, 404)


def test_a_key_may_stand_in_the_query(keyed: Host) -> None:
    assert keyed.http.get(f"jobs?code={FUNCTION_KEY}&limit=1").status_code == 200
    assert keyed.http.get("jobs?code=wrong&limit=1").status_code == 401


def test_a_closed_route_says_nothing_of_jobs(keyed: Host) -> None:
    known, unknown = "jobs/submit/hello_world", "jobs/submit/nonsense"
    answers = [keyed.http.post(path, content=b"no json") for path in (known, unknown)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, b"")}


def test_a_job_runs_behind_keys(keyed: Host) -> None:
    key = {"x-functions-key": FUNCTION_KEY}
    answer = keyed.http.post("jobs/submit/hello_world", json={"n": 2}, headers=key)
    job_id = answer.json()["job_id"]
    keyed.wait_for_rows("select 1 from app.jobs where job_id = %s and status = 'completed'", job_id)


def test_no_secret_is_ever_logged(keyed: Host) -> None:
    keyed.http.get(f"jobs?code={FUNCTION_KEY}&limit=abc")
    keyed.http.get("db/debug/all", headers={"x-functions-key": MASTER_KEY})
    keyed.http.get(f"db/stats?code={MASTER_KEY}x")
    output = keyed.process.output()
    account_key = keyed.account.connection_string.split("AccountKey=")[1].split(";")[0]
    for secret in (FUNCTION_KEY, MASTER_KEY, account_key):
        assert secret not in output


@pytest.mark.parametrize("variable", ["WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID", "CONTAINER_APP_NAME"])
def test_an_anonymous_app_refuses_to_start_where_it_is_deployed(
    start_host: HostFactory, variable: str
) -> None:
    process = start_host.failing(AUTH_MODE="anonymous", **{variable: "some-site"})
    assert process.process.wait(30) != 0
    assert "AUTH_MODE=anonymous is for a laptop" in process.output()
    assert process.records("host started") == []


def test_an_app_without_its_settings_says_which_are_missing(start_host: HostFactory) -> None:
    process = start_host.failing(POSTGRES_PORT="0", AUTH_MODE="nonsense", POSTGRES_PASSWORD="do-not-show-me")
    assert process.process.wait(30) != 0
    output = process.output()
    assert "postgres_port" in output
    assert "auth_mode" in output
    assert "do-not-show-me" not in output
