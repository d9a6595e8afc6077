"""Input that cannot be used: each a problem document that says why, never a 500, and nothing stored.

``test_every_parameter`` goes through the parameters of all routes; here are bodies and names, with what
exactly is said of each.
"""

from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.hosting import Host
from tests.acceptance.refusals import pointers, refused, stored

SUBMIT = "jobs/submit/hello_world"
UNKNOWN_ID = "0123456789abcdef" * 4
SQL = "'; drop table app.jobs; --"
DEEP = 100_000


@dataclass(frozen=True)
class Bad:
    """A request, and what its problem document must say; ``says`` stands in its detail."""

    name: str
    path: str
    body: str | bytes | None = None
    status: int = 400
    code: str = "INVALID_PARAMETERS"
    pointers: list[str] = field(default_factory=list)
    says: str = ""

    def send(self, client: httpx.Client) -> httpx.Response:
        if self.body is None:
            return client.get(self.path)
        content = self.body.encode() if isinstance(self.body, str) else self.body
        return client.post(self.path, content=content, headers={"Content-Type": "application/json"})


def body(name: str, text: str | bytes, says: str = "") -> Bad:
    """A body that is not the JSON that was expected."""
    return Bad(name, SUBMIT, text, code="MALFORMED_JSON", says=says)


def fields(name: str, text: str, *pointers: str, job_type: str = "hello_world") -> Bad:
    """Parameters with invalid fields."""
    return Bad(name, f"jobs/submit/{job_type}", text, pointers=list(pointers))


BODIES = [
    body("no json", "this is no json"),
    body("half a document", '{"n": 3'),
    body("two documents", '{"n": 3}{"n": 4}'),
    body("an array", "[1, 2]", says="object"),
    body("a string", '"n"', says="object"),
    body("a number", "3", says="object"),
    body("null", "null", says="object"),
    body("NaN", '{"n": NaN}'),
    body("Infinity", '{"n": Infinity}'),
    body("minus Infinity", '{"n": -Infinity}'),
    body("a number beyond all floats", '{"n": 1e400}'),
    body("deep arrays", '{"message": ' + "[" * DEEP + "]" * DEEP + "}"),
    body("deep objects", '{"a":' * DEEP + "1" + "}" * DEEP),
    body("an open deep array", "[" * DEEP),
    body("a lone surrogate", r'{"message": "\ud800"}'),
    body("NUL in a value", r'{"message": "a\u0000b"}', says="U+0000"),
    body("NUL in a name", r'{"a\u0000b": 1}', says="U+0000"),
    body("bytes that are no UTF-8", b'{"message": "\xff\xfe"}'),
    body("UTF-16", '{"n": 3}'.encode("utf-16")),
    Bad("10 MB", SUBMIT, '{"message": "' + "m" * 10_000_000 + '"}', status=413, code="BODY_TOO_LARGE"),
]

FIELDS = [
    fields("n is 0", '{"n": 0}', "/n"),
    fields("n is negative", '{"n": -1}', "/n"),
    fields("n is 10^9", '{"n": 1000000000}', "/n"),
    fields("n has 400 digits", '{"n": ' + "9" * 400 + "}", "/n"),
    fields("n is text", '{"n": "3"}', "/n"),
    fields("n is a fraction", '{"n": 2.5}', "/n"),
    fields("n is true", '{"n": true}', "/n"),
    fields("n is null", '{"n": null}', "/n"),
    fields("n is an object", '{"n": {}}', "/n"),
    fields("message is a number", '{"message": 1}', "/message"),
    fields("message is too long", '{"message": "' + "m" * 1001 + '"}', "/message"),
    fields("an extra field", '{"n": 3, "m": 1}', "/m"),
    fields("an extra field with a slash", '{"a/b": 1, "c~d": 1}', "/a~1b", "/c~0d"),
    fields("several at once", '{"n": 0, "message": [], "more": 1}', "/n", "/message", "/more"),
    fields("no container", "{}", "/container", job_type="list_container"),
    fields("a container with a path", '{"container": "../etc"}', "/container", job_type="list_container"),
    fields(
        "a container in capitals", '{"container": "Bronze"}', "/container", job_type="summarize_container"
    ),
    fields(
        "an unknown level",
        '{"container": "bronze", "metadata_level": "all"}',
        "/metadata_level",
        job_type="list_container",
    ),
]

NAMES = [
    Bad("unknown job type", "jobs/submit/nonsense", "{}", 404, "UNKNOWN_JOB_TYPE", says="hello_world"),
    Bad("job type with SQL", f"jobs/submit/{quote(SQL, safe='')}", "{}", 404, "UNKNOWN_JOB_TYPE"),
    Bad("job type with NUL", "jobs/submit/%00", "{}", 404, "UNKNOWN_JOB_TYPE"),
    Bad("job type with a lone surrogate", "jobs/submit/%ED%A0%80", "{}", 404, "UNKNOWN_JOB_TYPE"),
    Bad("very long job type", f"jobs/submit/{'x' * 10_000}", "{}", 404, "UNKNOWN_JOB_TYPE"),
    Bad("description of an unknown job type", "job-types/nonsense", None, 404, "UNKNOWN_JOB_TYPE"),
    *(
        Bad(f"{path}: {name}", f"{path}/{quote(text, safe='')}", None, 400, "INVALID_IDENTIFIER")
        for path in ("jobs/status", "db/jobs", "db/tasks")
        for name, text in (
            ("no hash", "nonsense"),
            ("63 digits", UNKNOWN_ID[1:]),
            ("65 digits", UNKNOWN_ID + "0"),
            ("no hex", "g" * 64),
            ("other digits", "٣" * 64),
            ("line end", UNKNOWN_ID + "\n"),
            ("SQL", SQL),
            ("very long", "a" * 10_000),
        )
    ),
    *(
        Bad(f"{path}: unknown id", f"{path}/{UNKNOWN_ID}", None, 404, "JOB_NOT_FOUND", says=UNKNOWN_ID)
        for path in ("jobs/status", "db/jobs", "db/tasks")
    ),
]


@pytest.mark.parametrize("bad", [*BODIES, *FIELDS, *NAMES], ids=lambda bad: bad.name)
def test_it_is_refused_with_a_problem_document_and_nothing_is_stored(host: Host, bad: Bad) -> None:
    before = stored(host)
    problem = refused(bad.send(host.http), bad.status)
    assert problem["type"] == f"urn:geojobs:problem:{bad.code.lower().replace('_', '-')}"
    assert problem["code"] == bad.code
    assert bad.says in problem["detail"]
    assert pointers(problem) == sorted(bad.pointers)
    assert stored(host) == before


def test_sql_in_a_filter_finds_nothing_and_harms_nothing(host: Host) -> None:
    host.run(n=1, message=uuid4().hex)
    answer = host.http.get("jobs", params={"job_type": "' or '1'='1"})
    assert answer.status_code == 200
    assert answer.json()["jobs"] == []
    assert host.http.get("db/jobs", params={"job_type": SQL}).json()["jobs"] == []
    assert host.rows("select count(*) as jobs from app.jobs")[0]["jobs"] >= 1


def test_an_empty_body_stands_for_no_parameters(host: Host) -> None:
    assert host.http.post(f"{SUBMIT}?dry_run=true", content=b"").json()["parameters"]["n"] == 3


@pytest.mark.parametrize(
    "text", [SQL, "{{7*7}}", "<script>alert(1)</script>", "%s{0}", "../../etc/passwd", "\u202e"]
)
def test_what_a_text_says_is_never_done(host: Host, text: str) -> None:
    message = f"{text} {uuid4().hex}"
    assert host.run(n=1, message=message)["result_data"]["message"] == message
    answer = host.http.post("ogc/processes/echo/execution", json={"inputs": {"message": message}})
    assert answer.status_code == 201, answer.text
    job_id = answer.json()["jobID"]
    assert host.wait(job_id)["result_data"]["message"] == message
