"""The shell of every route: correlation ids, errors, bodies, and who may call."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import azure.functions as func
import pytest

from schema.access import Access, AuthMode
from schema.errors import BodyTooLargeError, DatabaseUnavailableError, JobNotFoundError, MalformedJsonError
from tests.support.routes import ALL_ROUTES
from triggers import http
from triggers.http import Answer, Door, Request, Response, Route, blueprint_of

Endpoint = Callable[[None, Request], Response]


def answer_of(
    endpoint: Endpoint, headers: dict[str, str] | None = None, body: bytes = b"", query: str = ""
) -> func.HttpResponse:
    route: Route[None] = Route("r", "POST", "things/{id}", Access.READ, endpoint, {200: Answer("It.")}, "t")
    request = func.HttpRequest(
        method="POST",
        url=f"https://secret-host.example/api/things/7{query}",
        headers=headers or {},
        route_params={"id": "7"},
        body=body,
    )
    return http._handler(route, None, Door(mode=AuthMode.KEYS, max_body_bytes=100))(request)


def fine(_: None, request: Request) -> Response:
    return Response(200, {"correlation_id": request.correlation_id, "traceparent": request.traceparent})


def failing(error: Exception) -> Endpoint:
    def endpoint(_: None, request: Request) -> Response:
        raise error

    return endpoint


def parsing(_: None, request: Request) -> Response:
    return Response(200, request.json_object())


def body_of(response: func.HttpResponse) -> dict[str, object]:
    return json.loads(response.get_body())


def test_a_well_formed_correlation_id_is_taken_over() -> None:
    response = answer_of(fine, {"X-Correlation-ID": "abc-1.2:3_4"})
    assert response.headers["X-Correlation-ID"] == "abc-1.2:3_4"
    assert body_of(response)["correlation_id"] == "abc-1.2:3_4"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a\r\nSet-Cookie: b", "ü", "a/b"])
def test_any_other_correlation_id_is_replaced(sent: str) -> None:
    response = answer_of(fine, {"x-correlation-id": sent})
    assert len(response.headers["X-Correlation-ID"]) == 32
    assert response.headers["X-Correlation-ID"] != sent


def test_a_well_formed_trace_context_is_handed_on() -> None:
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert body_of(answer_of(fine, {"Traceparent": trace}))["traceparent"] == trace
    assert body_of(answer_of(fine, {"Traceparent": "00-x"}))["traceparent"] is None


def test_an_error_of_ours_becomes_its_problem() -> None:
    response = answer_of(failing(JobNotFoundError("0" * 64)))
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert body_of(response)["code"] == "JOB_NOT_FOUND"
    assert "errors" not in body_of(response)


def test_an_unforeseen_error_tells_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    response = answer_of(failing(RuntimeError("select password from users")))
    assert response.status_code == 500
    assert "select" not in response.get_body().decode()
    assert [record.message for record in caplog.records] == ["request failed unexpectedly"]
    assert caplog.records[0].exc_info is not None


def test_what_is_away_may_be_asked_again() -> None:
    response = answer_of(failing(DatabaseUnavailableError("away")))
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"


def test_errors_carry_the_correlation_id_too() -> None:
    response = answer_of(failing(JobNotFoundError("0" * 64)), {"X-Correlation-ID": "abc"})
    assert response.headers["X-Correlation-ID"] == "abc"
    assert body_of(response)["correlation_id"] == "abc"


def test_the_instance_is_the_path_without_host_and_query() -> None:
    response = answer_of(failing(JobNotFoundError("0" * 64)), query="?code=secret-key")
    assert body_of(response)["instance"] == "/api/things/7"
    assert "secret" not in response.get_body().decode()


def test_a_body_is_parsed() -> None:
    assert body_of(answer_of(parsing, body=b'{"n": 3}')) == {"n": 3}


@pytest.mark.parametrize(
    "body", [b"{", b"[1]", b'"a"', b"\xff", b'{"n": NaN}', b'{"n": 1e999}', b"[" * 90, b'{"a": "\\u0000"}']
)
def test_a_body_that_is_no_json_object_is_a_400(body: bytes) -> None:
    response = answer_of(parsing, body=body)
    assert (response.status_code, body_of(response)["code"]) == (400, MalformedJsonError.code)


def test_a_body_that_is_too_large_is_a_413() -> None:
    response = answer_of(parsing, body=b" " * 101)
    assert (response.status_code, body_of(response)["code"]) == (413, BodyTooLargeError.code)


def test_json_is_utf8_with_times_as_rfc_3339() -> None:
    def endpoint(_: None, request: Request) -> Response:
        return Response(200, {"at": datetime(2026, 1, 31, tzinfo=UTC), "text": "ü"})

    response = answer_of(endpoint)
    assert (response.mimetype, response.charset) == ("application/json", "utf-8")
    assert body_of(response) == {"at": "2026-01-31T00:00:00Z", "text": "ü"}


@pytest.mark.parametrize(
    ("access", "level"),
    [
        (Access.OPEN, func.AuthLevel.ANONYMOUS),
        (Access.READ, func.AuthLevel.FUNCTION),
        (Access.SUBMIT, func.AuthLevel.FUNCTION),
        (Access.ADMIN, func.AuthLevel.ADMIN),
    ],
)
def test_access_is_the_platforms_level(access: Access, level: func.AuthLevel) -> None:
    assert _level(access, AuthMode.KEYS) is level


@pytest.mark.parametrize("access", Access)
@pytest.mark.parametrize("mode", [AuthMode.ENTRA, AuthMode.ANONYMOUS])
def test_the_platform_asks_for_keys_in_no_other_mode(mode: AuthMode, access: Access) -> None:
    assert _level(access, mode) is func.AuthLevel.ANONYMOUS


def test_only_what_describes_is_open_and_what_changes_or_shows_everything_takes_the_master_key() -> None:
    by_access = {
        access: {f"{route.method} {route.path}" for route in ALL_ROUTES if route.access is access}
        for access in Access
    }
    assert by_access[Access.OPEN] == {
        "GET health/live",
        "GET openapi.json",
        "GET docs",
        "GET docs/{asset}",
        "GET ogc",
        "GET ogc/conformance",
        "GET ogc/api",
    }
    assert by_access[Access.ADMIN] == {
        "GET db/debug/all",
        "POST db/schema/redeploy",
        "POST db/schema/nuke",
        "POST db/schema/migrate",
        "POST db/maintenance/cleanup",
        "POST jobs/{job_id}/cancel",
        "POST jobs/{job_id}/retry",
        "POST jobs/{job_id}/rerun",
        "POST monitor/poison",
        "POST monitor/poison/{dead_letter_id}/replay",
        "DELETE monitor/poison/{dead_letter_id}",
        "DELETE ogc/jobs/{ogc_job_id}",
    }


def test_no_two_routes_share_a_name_or_a_method_and_path() -> None:
    names = [route.name for route in ALL_ROUTES]
    places = [(route.method, route.path) for route in ALL_ROUTES]
    assert len(set(names)) == len(names)
    assert len(set(places)) == len(places)


def _level(access: Access, mode: AuthMode) -> func.AuthLevel:
    app = func.FunctionApp()
    route: Route[None] = Route("r", "GET", "things", access, fine, {200: Answer("It.")}, "t")
    app.register_functions(blueprint_of((route,), None, Door(mode=mode, max_body_bytes=100)))
    (function,) = app.get_functions()
    trigger = function.get_trigger()
    assert trigger is not None
    level = trigger.get_dict_repr()["authLevel"]
    assert isinstance(level, func.AuthLevel)
    return level
