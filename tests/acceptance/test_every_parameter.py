"""Every parameter of every route, as the routes themselves name them, with values that nobody should send.

What is not valid is a 400 that points at the parameter; what a free text may hold is taken as it is; nothing
is a 500, and nothing that is refused is stored.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from jsonschema import Draft202012Validator

from registration import DEVELOPMENT_JOBS, JOBS
from schema.callbacks import CALLBACK_HEADER
from schema.ogc import ExecuteRequest
from schema.workflow import JobRegistration
from tests.acceptance.hosting import Host
from tests.acceptance.refusals import described, pointers, refused, stored
from triggers.blueprints import ROUTES
from triggers.http import Route

AnyRoute = Route[Any, Any]

UNKNOWN_ID = "0123456789abcdef" * 4
LONG = "a" * 10_000
SQL = "'; drop table app.jobs; --"
NOBODY = {
    "job_id": UNKNOWN_ID,
    "ogc_job_id": UNKNOWN_ID,
    "job_type": "nonsense",
    "process_id": "nonsense",
    "dead_letter_id": "1",
    "asset": "nonsense",
}
"""Well-formed, and of nothing that is there: what is taken does no harm."""


def encoded(text: str) -> str:
    return quote(text, safe="")


UNPRINTABLE = {
    "NUL": "%00",
    "NUL within": "a%00b",
    "line ends": encoded("a\r\nX-Evil: 1"),
    "an escape": encoded("\x1b[2J"),
    "right to left": encoded("\u202etxt"),
}
TOO_LONG = {"10,000 characters": LONG, "many characters of four bytes": encoded("\U0001f30d" * 2_000)}
INJECTIONS = {
    "SQL": encoded(SQL),
    "more SQL": encoded("1' or '1'='1"),
    "SQL with a comment": encoded("1;select/**/pg_sleep(9)--"),
    "a path": encoded("../../../etc/passwd"),
    "a path twice encoded": "..%252f..%252fetc%252fpasswd",
    "a path of Windows": encoded("..\\..\\windows\\win.ini"),
    "a JSON object": encoded('{"$gt": ""}'),
    "a JSON array": encoded("[1, 2]"),
    "markup": encoded("<script>alert(1)</script>"),
    "a template": encoded("{{7*7}}${7*7}"),
    "a format": encoded("%s%n{0.__class__}"),
    "a lone surrogate": "%ED%A0%80",
    "no UTF-8": "%FF%FE",
    "half an escape": "%",
    "no escape": "%zz",
    "other digits": encoded("\u0663"),
    "null": "null",
    "wildcards": encoded("%_*?"),
}
HOSTILE = {**UNPRINTABLE, **TOO_LONG, **INJECTIONS}
NO_NUMBERS = ("abc", "1.5", "1e3", "0x10", "1_000", "%2B1", "%201", "NaN", "Infinity", "true", "9" * 400)
NO_MOMENTS = (
    "yesterday", "0", "1700000000", "2026-01-31", "2026-13-01T00:00:00Z", "2026-01-32T00:00:00Z",
    "2026-01-31T25:00:00Z", "2026-01-31T00:00:00%2B99:00", "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z",
)  # fmt: skip
LAST_MOMENTS = (
    "0001-01-01T00:00:00%2B14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999999Z", "2026-01-31T00:00:00",
)  # fmt: skip
NO_CHOICES = ("nonsense", "QUEUED", "queued%20", "1", "true")


def opaque(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


NO_CURSORS = (
    "nonsense", "WzEsMl0", "bnVsbA", "====", "W10", opaque({}), opaque([[]]), opaque(1, 2, 3, 4), opaque(-1),
    opaque(2**63), opaque(10**400), opaque(True), opaque(1.5), opaque(1, 2, -3), opaque(1, 2, 2**31),
    opaque("2026-01-31T00:00:00Z", SQL), opaque(SQL, UNKNOWN_ID), opaque("\x00"),
    opaque("2026-01-31T00:00:00Z", UNKNOWN_ID + "\n"),
    base64.urlsafe_b64encode(b"[" * 10_000).decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(),
)  # fmt: skip
LAST_CURSORS = (
    opaque("0001-01-01T00:00:00+14:00", UNKNOWN_ID),
    opaque("9999-12-31T23:59:59-14:00", UNKNOWN_ID),
    opaque("2026-01-31T00:00:00", UNKNOWN_ID),
    opaque(1e308, UNKNOWN_ID),
    opaque(2**63 - 1),
    opaque(0),
    opaque(2**31 - 1, 2**31 - 1, 2**31 - 1),
    opaque(SQL),
)


@dataclass(frozen=True)
class Parameter:
    """A query parameter and the JSON Schema that the route's model has for it."""

    name: str
    facts: dict[str, Any]
    choices: bool = False

    def refused_values(self) -> list[str]:
        """Percent-encoded; each must be a 400."""
        return [*_REFUSED[self.kind](self.facts)]

    def other_values(self) -> list[str]:
        """May be taken or not, but never be a 500."""
        return [value for value in self._edges() if value not in self.refused_values()]

    @property
    def kind(self) -> str:
        facts = self.facts
        if facts.get("type") == "array":
            return "choice" if self.choices else "text"
        if self.choices:
            return "choice"
        if facts.get("type") in ("integer", "boolean"):
            return facts["type"]
        if self.name in ("cursor", "confirm", "datetime"):
            return self.name
        return "moment" if facts.get("format") == "date-time" else "text"

    def _edges(self) -> Iterator[str]:
        yield from HOSTILE.values()
        yield from LAST_MOMENTS
        yield from LAST_CURSORS


def _numbers(facts: dict[str, Any]) -> Iterator[str]:
    yield from (*HOSTILE.values(), *NO_NUMBERS)
    yield from (str(facts["minimum"] - 1), str(facts["maximum"] + 1), "-1", str(2**31 * 2**31 * 2**31), "5,5")


def _moments(_: dict[str, Any]) -> Iterator[str]:
    yield from (*HOSTILE.values(), *NO_MOMENTS, "2026-01-31T00:00:00Z,2026-01-31T00:00:00Z")


_REFUSED: dict[str, Any] = {
    "integer": _numbers,
    "boolean": lambda _: (*HOSTILE.values(), "maybe", "1", "0", "yes", "true,true"),
    "choice": lambda _: (*HOSTILE.values(), *NO_CHOICES),
    "moment": _moments,
    "datetime": lambda _: (*HOSTILE.values(), *NO_MOMENTS, "..", "../..", "/", "../2026-01-31", "a/b/c"),
    "cursor": lambda _: (*HOSTILE.values(), *NO_CURSORS),
    "confirm": lambda _: (*HOSTILE.values(), "no", "YES", "true", "yes,yes"),
    "text": lambda _: (*UNPRINTABLE.values(), *TOO_LONG.values()),
}


def parameters_of(route: AnyRoute) -> list[Parameter]:
    document = route.query.model_json_schema()
    return [_parameter(name, facts) for name, facts in document.get("properties", {}).items()]


def _parameter(name: str, facts: dict[str, Any]) -> Parameter:
    known = [each for each in facts.get("anyOf", [facts]) if each.get("type") != "null"]
    choices = any("$ref" in each or "$ref" in each.get("items", {}) for each in known)
    return Parameter(name, {key: value for each in known for key, value in each.items()}, choices)


def path_names(route: AnyRoute) -> list[str]:
    return re.findall(r"\{(\w+)\}", route.path)


def address(route: AnyRoute, **values: str) -> str:
    """Where the route is asked; values are percent-encoded already."""
    given = {**NOBODY, **values}
    return re.sub(r"\{(\w+)\}", lambda match: given[match[1]], route.path)


def ask(
    host: Host, route: AnyRoute, target: str, headers: dict[bytes, bytes] | None = None
) -> httpx.Response:
    """As the target stands, nothing of it made right on its way."""
    body = b"{}" if route.method == "POST" else None
    exactly = {"target": f"/api/{target}".encode()}
    return host.http.request(route.method, "", content=body, headers=headers, extensions=exactly)


def having(kind: str, routes: list[AnyRoute]) -> Any:
    assert routes, kind
    return pytest.mark.parametrize("route", routes, ids=lambda route: route.name)


ALL = having("all", list(ROUTES))
WITH_PARAMETERS = having("query", [route for route in ROUTES if parameters_of(route)])
READING = having("get", [route for route in ROUTES if parameters_of(route) and route.method == "GET"])
WITH_PATHS = having("path", [route for route in ROUTES if path_names(route)])
JOB_TYPES = pytest.mark.parametrize("job", [*JOBS, *DEVELOPMENT_JOBS], ids=lambda job: job.job_type)


@pytest.fixture(autouse=True)
def nothing_stored(host: Host) -> Iterator[None]:
    before = stored(host)
    yield
    assert stored(host) == before


class TestQueries:
    @WITH_PARAMETERS
    def test_what_is_not_valid_is_pointed_at(self, host: Host, route: AnyRoute) -> None:
        for parameter in parameters_of(route):
            for value in parameter.refused_values():
                answer = ask(host, route, f"{address(route)}?{parameter.name}={value}")
                assert pointers(refused(answer)) == [f"?{parameter.name}"], described(answer)

    @WITH_PARAMETERS
    def test_what_may_be_valid_is_never_a_failure(self, host: Host, route: AnyRoute) -> None:
        for parameter in parameters_of(route):
            for value in parameter.other_values():
                answer = ask(host, route, f"{address(route)}?{parameter.name}={value}")
                if answer.status_code == 400:
                    assert pointers(refused(answer)) == [f"?{parameter.name}"], described(answer)
                else:
                    assert answer.status_code in (200, 404), described(answer)
                    assert answer.headers["X-Correlation-ID"]

    @WITH_PARAMETERS
    def test_what_is_given_twice_is_not_one_of_both(self, host: Host, route: AnyRoute) -> None:
        once = {"integer": "1", "boolean": "true", "moment": "2026-01-31T00:00:00Z", "confirm": "yes"}
        for parameter in parameters_of(route):
            if parameter.kind in once:
                given = f"{parameter.name}={once[parameter.kind]}"
                answer = ask(host, route, f"{address(route)}?{given}&{given}")
                assert pointers(refused(answer)) == [f"?{parameter.name}"], described(answer)

    @READING
    def test_without_a_value_it_is_as_if_it_were_not_there(self, host: Host, route: AnyRoute) -> None:
        without = ask(host, route, address(route)).status_code
        for parameter in parameters_of(route):
            assert ask(host, route, f"{address(route)}?{parameter.name}=").status_code == without

    @WITH_PARAMETERS
    def test_several_at_once_are_all_pointed_at(self, host: Host, route: AnyRoute) -> None:
        names = [each.name for each in parameters_of(route)]
        query = "&".join(f"{name}=%00" for name in names)
        answer = ask(host, route, f"{address(route)}?{query}&colour=red")
        assert pointers(refused(answer)) == sorted(f"?{name}" for name in (*names, "colour"))

    @ALL
    def test_an_unknown_parameter_is_pointed_at(self, host: Host, route: AnyRoute) -> None:
        for name in ("colour", "%00", "limit%00", "%FF", encoded(SQL), "__proto__", "a" * 1_000):
            answer = ask(host, route, f"{address(route)}?{name}=1")
            assert len(pointers(refused(answer))) == 1, described(answer)
            assert answer.json()["errors"][0]["pointer"].startswith("?")


class TestPaths:
    @WITH_PATHS
    def test_what_names_nothing_is_refused(self, host: Host, route: AnyRoute) -> None:
        (name,) = path_names(route)
        ids = (UNKNOWN_ID[1:], f"{UNKNOWN_ID}0", "g" * 64, UNKNOWN_ID.upper(), f"{UNKNOWN_ID}%0A")
        numbers = ("-1", "1.5", "9" * 19, "9" * 5_000, "0" * 5_000, f"{'0' * 30}{'9' * 30}", str(2**63))
        references = (".", "..", "x.raw", f"{UNKNOWN_ID}.", f"{UNKNOWN_ID}.pdf", f"{UNKNOWN_ID}.raw.a%2Fb")
        for value in (*HOSTILE.values(), *ids, *numbers, *references):
            answer = ask(host, route, address(route, **{name: value}))
            assert answer.status_code in (400, 404), described(answer)
            refused(answer, answer.status_code)


class TestHeaders:
    @ALL
    def test_what_is_no_header_of_ours_is_passed_over(self, host: Host, route: AnyRoute) -> None:
        names = (b"X-Correlation-ID", b"traceparent", b"If-None-Match", b"Accept", b"X-MS-CLIENT-PRINCIPAL")
        for value in (SQL.encode(), LONG.encode(), b"\xff\xfe", b"", b'"'):
            answer = ask(host, route, f"{address(route)}?colour=red", dict.fromkeys(names, value))
            assert pointers(refused(answer)) == ["?colour"]
            assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Correlation-ID"])

    @pytest.mark.parametrize(
        "url", [SQL, "\u00ff", "https://", "http://127.0.0.1/", LONG, "file:///etc/passwd"]
    )
    def test_an_address_that_is_none_is_pointed_at(self, host: Host, url: str) -> None:
        headers = {CALLBACK_HEADER.encode(): url.encode("latin-1")}
        answer = host.http.post("jobs/submit/hello_world", json={}, headers=headers)
        assert len(pointers(refused(answer))) == 1


DEEP = json.loads("[" * 100 + "]" * 100)
VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 1.5, -1.5, 1e300, 2**31, 2**63, 10**400, 10**4_000, "", " ", "x", "3",
    "true", LONG, SQL, "../../etc/passwd", "a\r\nb", "\x1b[2J", "\u202e", "%00", "<script>", "{{7*7}}",
    "\u0663", "a" * 200, "a" * 201, "*" * 200, "[" * 200, "[z-a]", "\\", [], [1], {}, {"a": 1}, DEEP,
    {"a": DEEP},
]  # fmt: skip


def parameters_schema(host: Host, job: JobRegistration[Any]) -> dict[str, Any]:
    """As it is published."""
    return host.http.get(f"job-types/{job.job_type}").json()["parameters_schema"]


def misfits(host: Host, job: JobRegistration[Any], *, fitting: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The job type's example with one field replaced, as far as its published schema refuses or takes it."""
    schema = parameters_schema(host, job)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for name in schema["properties"]:
        for value in VALUES:
            parameters = {**job.example, name: value}
            if validator.is_valid(parameters) is fitting:
                yield name, parameters


def below(pointer: str, name: str) -> bool:
    return pointer == name or pointer.startswith(f"{name}/")


class TestBodies:
    @JOB_TYPES
    def test_a_parameter_that_is_not_valid_is_pointed_at(self, host: Host, job: JobRegistration[Any]) -> None:
        for name, parameters in misfits(host, job, fitting=False):
            answer = host.http.post(f"jobs/submit/{job.job_type}", json=parameters)
            found = pointers(refused(answer))
            assert found, described(answer)
            assert all(below(pointer, f"/{name}") for pointer in found), described(answer)

    @JOB_TYPES
    def test_a_parameter_that_may_be_valid_is_never_a_failure(
        self, host: Host, job: JobRegistration[Any]
    ) -> None:
        for name, parameters in misfits(host, job, fitting=True):
            answer = host.http.post(f"jobs/submit/{job.job_type}?dry_run=true", json=parameters)
            if answer.status_code == 400:
                assert pointers(refused(answer)) == [f"/{name}"], described(answer)
            else:
                assert answer.status_code == 200, described(answer)

    @JOB_TYPES
    def test_every_text_has_an_end(self, host: Host, job: JobRegistration[Any]) -> None:
        for name in parameters_schema(host, job)["properties"]:
            answer = host.http.post(f"jobs/submit/{job.job_type}", json={**job.example, name: LONG})
            assert pointers(refused(answer)) == [f"/{name}"], described(answer)

    @JOB_TYPES
    def test_an_unknown_parameter_is_pointed_at(self, host: Host, job: JobRegistration[Any]) -> None:
        for name, pointer in (("colour", "/colour"), ("a/b~c", "/a~1b~0c"), (SQL, f"/{SQL}"), ("", "/")):
            answer = host.http.post(f"jobs/submit/{job.job_type}", json={**job.example, name: 1})
            assert pointers(refused(answer)) == [pointer], described(answer)

    @JOB_TYPES
    @pytest.mark.parametrize("character", [r"\u0000", r"\ud800"])
    def test_what_cannot_be_stored_is_refused_wherever_it_stands(
        self, host: Host, job: JobRegistration[Any], character: str
    ) -> None:
        for name in (*parameters_schema(host, job)["properties"], "colour"):
            body = json.dumps({**job.example, name: "HERE"}).replace("HERE", character)
            for path in (f"jobs/submit/{job.job_type}", f"ogc/processes/{job.job_type}/execution"):
                answer = host.http.post(path, content=body, headers={"Content-Type": "application/json"})
                assert refused(answer)["code"] == "MALFORMED_JSON"


class TestExecutions:
    @JOB_TYPES
    def test_an_input_that_is_not_valid_is_pointed_at(self, host: Host, job: JobRegistration[Any]) -> None:
        for name, inputs in misfits(host, job, fitting=False):
            answer = execute(host, job.job_type, {"inputs": inputs})
            found = pointers(refused(answer))
            assert found, described(answer)
            assert all(below(pointer, f"/inputs/{name}") for pointer in found), described(answer)

    @pytest.mark.parametrize("name", [field.alias for field in ExecuteRequest.model_fields.values()])
    def test_a_member_that_is_not_valid_is_pointed_at(self, host: Host, name: str) -> None:
        validator = Draft202012Validator(ExecuteRequest.model_json_schema(by_alias=True))
        for value in VALUES:
            if validator.is_valid({name: value}):
                continue
            answer = execute(host, "list_container", {name: value})
            found = pointers(refused(answer))
            assert found, described(answer)
            assert all(below(pointer, f"/{name}") for pointer in found), described(answer)

    @pytest.mark.parametrize(
        ("members", "pointer"),
        [
            ({"colour": 1}, "/colour"),
            ({"inputs": {"a/b": 1}}, "/inputs/a~1b"),
            ({"outputs": {"nonsense": {}}}, "/outputs/nonsense"),
            ({"outputs": {SQL: {}}}, f"/outputs/{SQL}"),
            (
                {"outputs": {"files": {"transmissionMode": "carrier pigeon"}}},
                "/outputs/files/transmissionMode",
            ),
            ({"subscriber": {"successUri": SQL}}, "/subscriber/successUri"),
            ({"subscriber": {"successUri": 1}}, "/subscriber/successUri"),
            ({"subscriber": {"failedUri": "http://127.0.0.1/"}}, "/subscriber/failedUri"),
            ({"subscriber": {"colour": "https://example.org/"}}, "/subscriber/colour"),
            ({"inputs": {"prefix": {"href": "http://127.0.0.1/"}}}, "/inputs/prefix"),
            ({"inputs": {"prefix": {"href": "file:///etc/passwd"}}}, "/inputs/prefix"),
            ({"inputs": {"prefix": {"href": "data:application/json,{"}}}, "/inputs/prefix"),
            ({"inputs": {"prefix": {"href": "data:;base64,?"}}}, "/inputs/prefix"),
            ({"inputs": {"prefix": {"href": "data:application/json,%22%5Cu0000%22"}}}, "/inputs/prefix"),
            ({"inputs": {"prefix": {"href": "data:application/json," + "[" * 9_000}}}, "/inputs/prefix"),
        ],
    )
    def test_what_is_within_a_member_is_pointed_at(
        self, host: Host, members: dict[str, Any], pointer: str
    ) -> None:
        inputs = {"container": "bronze", **members.get("inputs", {})}
        answer = execute(host, "list_container", {**members, "inputs": inputs})
        assert pointers(refused(answer)) == [pointer]


def execute(host: Host, process: str, body: dict[str, Any]) -> httpx.Response:
    return host.http.post(f"ogc/processes/{process}/execution", json=body)
