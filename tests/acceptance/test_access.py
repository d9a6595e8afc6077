"""Who may call what: keys where they are asked for, and no anonymous app where it is deployed."""

import base64
import json
import re
from typing import Any

import httpx
import pytest

from schema.access import GRANTED_BY, Access, Role
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import FUNCTION_KEY, MASTER_KEY, Host
from triggers.blueprints import ROUTES
from triggers.http import Route

KEYS = {"DEVHOST_FUNCTION_KEY": FUNCTION_KEY, "DEVHOST_MASTER_KEY": MASTER_KEY}
UNKNOWN = "0123456789abcdef" * 4
HARMLESS = {"cleanup": "?dry_run=true", "submit_job": "?dry_run=true"}
WRONG_KEYS = [None, "", "wrong", FUNCTION_KEY[:-1], FUNCTION_KEY.upper()]

AnyRoute = Route[Any, Any]


def having(*accesses: Access) -> Any:
    """Every route there is of these accesses."""
    routes = [route for route in ROUTES if route.access in accesses]
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


def target(route: AnyRoute) -> str:
    """Where the route is called without doing harm."""
    values = {
        "job_id": UNKNOWN,
        "job_type": "hello_world",
        "dead_letter_id": "1",
        "process_id": "hello_world",
    }
    path = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "unknown"), route.path)
    return path + HARMLESS.get(route.name, "")


def answer(host: Host, route: AnyRoute, headers: dict[str, str]) -> httpx.Response:
    body = {"content": b"{}"} if route.method == "POST" else {}
    return host.http.request(route.method, target(route), headers=headers, **body)


def with_key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"x-functions-key": key}


def signed_in(*roles: str) -> dict[str, str]:
    """What the platform adds to the request of a caller with these roles."""
    claims = [{"typ": "roles", "val": role} for role in roles]
    document = {
        "auth_typ": "aad",
        "claims": [*claims, {"typ": "preferred_username", "val": "ada@example.org"}],
    }
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(document).encode()).decode()}


@pytest.fixture(scope="module")
def keyed(module_hosts: HostFactory) -> Host:
    return module_hosts(AUTH_MODE="keys", ALLOW_SCHEMA_RESET="false", **KEYS)


@pytest.fixture(scope="module")
def entra(module_hosts: HostFactory) -> Host:
    return module_hosts(AUTH_MODE="entra", WEBSITE_AUTH_ENABLED="True", ALLOW_SCHEMA_RESET="false")


class TestKeys:
    @having(Access.OPEN)
    def test_an_open_route_needs_no_key(self, keyed: Host, route: AnyRoute) -> None:
        assert answer(keyed, route, {}).status_code in (200, 404)

    @having(Access.READ, Access.SUBMIT, Access.ADMIN)
    @pytest.mark.parametrize("key", WRONG_KEYS)
    def test_without_the_right_key_a_route_is_closed(
        self, keyed: Host, route: AnyRoute, key: str | None
    ) -> None:
        closed = answer(keyed, route, with_key(key))
        assert (closed.status_code, closed.content) == (401, b"")

    @having(Access.READ, Access.SUBMIT)
    @pytest.mark.parametrize("key", [FUNCTION_KEY, MASTER_KEY])
    def test_either_key_opens_reading_and_submitting(self, keyed: Host, route: AnyRoute, key: str) -> None:
        assert answer(keyed, route, with_key(key)).status_code in (200, 201, 400, 404)

    @having(Access.ADMIN)
    def test_the_function_key_does_not_open_what_is_for_admins(self, keyed: Host, route: AnyRoute) -> None:
        assert answer(keyed, route, with_key(FUNCTION_KEY)).status_code == 401

    @having(Access.ADMIN)
    def test_the_master_key_opens_what_is_for_admins(self, keyed: Host, route: AnyRoute) -> None:
        # what is forbidden or not there is so by the app itself, which is behind the door that the key opened
        assert answer(keyed, route, with_key(MASTER_KEY)).status_code in (200, 403, 404)


class TestEntra:
    @having(Access.OPEN)
    def test_an_open_route_needs_nobody_signed_in(self, entra: Host, route: AnyRoute) -> None:
        assert answer(entra, route, {}).status_code in (200, 404)

    @having(Access.READ, Access.SUBMIT, Access.ADMIN)
    @pytest.mark.parametrize("headers", [{}, {"X-MS-CLIENT-PRINCIPAL": "forged"}, with_key(MASTER_KEY)])
    def test_a_route_is_closed_to_whom_nobody_signed_in(
        self, entra: Host, route: AnyRoute, headers: dict[str, str]
    ) -> None:
        closed = answer(entra, route, headers)
        assert closed.status_code == 401
        assert closed.headers["WWW-Authenticate"] == "Bearer"

    @having(Access.READ, Access.SUBMIT, Access.ADMIN)
    @pytest.mark.parametrize("role", [None, "other.admin", *Role])
    def test_a_role_opens_what_it_grants_and_nothing_else(
        self, entra: Host, route: AnyRoute, role: str | None
    ) -> None:
        given = answer(entra, route, signed_in() if role is None else signed_in(role))
        refused = given.status_code == 403 and "one of these roles is needed" in given.text
        assert refused is (role not in GRANTED_BY[route.access])
        assert given.status_code not in (401, 500, 503)

    def test_a_refused_route_says_nothing_of_jobs(self, entra: Host) -> None:
        paths = ("jobs/submit/hello_world?limit=x", "jobs/submit/nonsense")
        answers = [entra.http.post(path, content=b"no json", headers=signed_in(Role.READ)) for path in paths]
        assert [(given.status_code, given.json()["code"]) for given in answers] == [
            (403, "PERMISSION_MISSING")
        ] * 2

    def test_a_job_is_known_by_who_submitted_it(self, entra: Host) -> None:
        given = entra.http.post("jobs/submit/hello_world", json={"n": 1}, headers=signed_in(Role.SUBMIT))
        rows = entra.rows("select submitted_by from app.jobs where job_id = %s", given.json()["job_id"])
        assert rows == [{"submitted_by": "ada@example.org"}]

    def test_the_app_does_not_start_where_the_platform_signs_nobody_in(self, start_host: HostFactory) -> None:
        process = start_host.failing(AUTH_MODE="entra")
        assert process.process.wait(30) != 0
        assert "WEBSITE_AUTH_ENABLED" in process.output()


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
