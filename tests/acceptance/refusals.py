"""What every refusal looks like, and what is there before and after it."""

from typing import Any

import httpx

from tests.acceptance.hosting import Host

PROBLEM = "application/problem+json"
INNER_WORKINGS = ("Traceback", "psycopg", "pydantic", "select ", "127.0.0.1", 'File "', "/site-packages/")
LONGEST = 4_000


def refused(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The problem document of an answer that must be one, which says why and shows nothing of the inside."""
    assert answer.status_code == status, described(answer)
    assert answer.headers["Content-Type"].split(";")[0] == PROBLEM
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem["type"]
    assert problem["correlation_id"] == answer.headers["X-Correlation-ID"]
    assert problem["instance"] == asked(answer).split("?")[0]
    assert all(error["message"] for error in problem.get("errors", []))
    shown = answer.text.replace(problem["instance"], "")
    assert len(shown) < LONGEST, described(answer)
    assert [word for word in INNER_WORKINGS if word in shown] == [], described(answer)
    return problem


def pointers(problem: dict[str, Any]) -> list[str]:
    return sorted(error["pointer"] for error in problem.get("errors", []))


def asked(answer: httpx.Response) -> str:
    """Path and query as they were sent, which the request's address need not be."""
    request = answer.request
    return request.extensions.get("target", request.url.raw_path).decode()


def described(answer: httpx.Response) -> str:
    """For a test that fails: what was asked and what came, each shortened."""
    return f"{answer.request.method} {asked(answer)[:300]} -> {answer.status_code} {answer.text[:500]}"


def stored(host: Host) -> tuple[int, int]:
    """How many jobs there are, and how many events tell of submissions."""
    row = host.rows(
        "select (select count(*) from app.jobs) as jobs,"
        " (select count(*) from app.job_events where event = 'submitted') as submitted"
    )[0]
    return row["jobs"], row["submitted"]
