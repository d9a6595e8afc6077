"""What can be read: the list of jobs, the job types, and the database, also while jobs run."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.acceptance.hosting import Host

QUERY_INFO = {"limit", "hours_back", "status_filter", "total_found", "execution_time_ms"}
READS = {
    "db/jobs": {"jobs", "query_info"},
    "db/jobs/{job_id}": {"job", "stages", "task_counts"},
    "db/tasks": {"tasks", "query_info"},
    "db/tasks/{job_id}": {"job_id", "tasks", "next_cursor"},
    "db/stats": {"jobs_by_type_and_status", "speed", "unfinished", "tables", "indexes", "connections"},
    "db/enums/diagnostic": {"ok", "enums", "transitions", "differences"},
    "db/functions/test": {"ok", "functions"},
    "db/debug/all": {"jobs", "stages", "tasks", "outbox", "dead_letters", "events"},
    "jobs": {"jobs", "next_cursor"},
    "jobs/status/{job_id}": {
        "job_id",
        "status",
        "progress",
        "stages",
        "stage_results",
        "parameters",
        "links",
    },
    "jobs/{job_id}/events": {"job_id", "events", "next_cursor", "complete"},
    "job-types": {"job_types"},
    "health": {"status", "components"},
    "health/live": {"status"},
}


@pytest.fixture(scope="module")
def answers_under_way(host: Host) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """What each route answered, over and over, while a job was under way."""
    job_id = host.submit(n=200, message=uuid4().hex)
    answers: dict[str, list[tuple[int, dict[str, Any]]]] = {route: [] for route in READS}
    rounds = 0
    while host.status(job_id)["status"] in ("queued", "processing"):
        for route, seen in answers.items():
            answer = host.http.get(route.format(job_id=job_id))
            seen.append((answer.status_code, answer.json()))
        rounds += 1
    assert rounds >= 2, "the job ended before its routes were read twice"
    return answers


@pytest.fixture(scope="module")
def job_ids(host: Host) -> list[str]:
    """Jobs that have ended, as they were submitted."""
    ids = [host.submit(n=1, message=uuid4().hex) for _ in range(7)]
    for job_id in ids:
        host.wait(job_id)
    return ids


def pages(host: Host, path: str, key: str, limit: int) -> list[list[dict[str, Any]]]:
    """All pages of a list."""
    found: list[list[dict[str, Any]]] = []
    cursor = ""
    while True:
        separator = "&" if "?" in path else "?"
        answer = host.http.get(f"{path}{separator}limit={limit}{cursor}").json()
        found.append(answer[key])
        if answer["next_cursor"] is None:
            return found
        cursor = f"&cursor={quote(answer['next_cursor'])}"


@pytest.mark.parametrize("route", READS)
def test_a_route_answers_with_its_fields_while_jobs_run(
    answers_under_way: dict[str, list[tuple[int, dict[str, Any]]]], route: str
) -> None:
    assert {status for status, _ in answers_under_way[route]} == {200}
    for _, answer in answers_under_way[route]:
        assert READS[route] <= set(answer)


@pytest.mark.parametrize("route", ["db/enums/diagnostic", "db/functions/test"])
def test_code_and_database_agree_while_jobs_run(
    answers_under_way: dict[str, list[tuple[int, dict[str, Any]]]], route: str
) -> None:
    assert [answer for _, answer in answers_under_way[route] if not answer["ok"]] == []


def test_progress_never_falls_while_a_job_runs(
    answers_under_way: dict[str, list[tuple[int, dict[str, Any]]]],
) -> None:
    progress = [answer["progress"] for _, answer in answers_under_way["jobs/status/{job_id}"]]
    assert progress == sorted(progress)
    assert all(0 <= percent <= 100 for percent in progress)


@pytest.mark.parametrize(
    ("route", "extra"), [("db/jobs", "job_type_filter"), ("db/tasks", "task_type_filter")]
)
def test_rows_come_with_what_was_asked(host: Host, job_ids: list[str], route: str, extra: str) -> None:
    assert QUERY_INFO | {extra} <= set(host.http.get(route).json()["query_info"])


def test_no_route_shows_a_lease_token(
    answers_under_way: dict[str, list[tuple[int, dict[str, Any]]]],
) -> None:
    shown = {route: seen for route, seen in answers_under_way.items() if route != "db/functions/test"}
    assert "lease_token" not in str(shown)


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_paging_shows_every_job_once_newest_first(host: Host, job_ids: list[str], limit: int) -> None:
    wanted = host.rows("select job_id from app.jobs order by created_at desc, job_id desc")
    found = pages(host, "jobs", "jobs", limit)
    ids = [job["job_id"] for page in found for job in page]
    assert sorted(ids) == sorted(row["job_id"] for row in wanted)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    times = [datetime.fromisoformat(job["created_at"]) for page in found for job in page]
    assert times == sorted(times, reverse=True)


def test_paging_shows_every_task_of_a_job_once_in_order(host: Host) -> None:
    job_id = host.run(n=10, message=uuid4().hex)["job_id"]
    found = pages(host, f"db/tasks/{job_id}", "tasks", 3)
    shown = [task["task_id"] for page in found for task in page]
    assert shown == [task["task_id"] for task in host.tasks(job_id)]


def test_jobs_are_filtered_by_status(host: Host, job_ids: list[str]) -> None:
    failed = host.run(n=1, message=uuid4().hex, fail_at=0)["job_id"]
    found = host.http.get("jobs?status=failed&limit=1000").json()["jobs"]
    assert {job["status"] for job in found} == {"failed"}
    assert failed in [job["job_id"] for job in found]


def test_jobs_are_filtered_by_type(host: Host, job_ids: list[str]) -> None:
    other = host.run("summarize_container", container="private", dataset_id=uuid4().hex)["job_id"]
    found = host.http.get("jobs?job_type=summarize_container&limit=1000").json()["jobs"]
    assert {job["job_type"] for job in found} == {"summarize_container"}
    assert other in [job["job_id"] for job in found]


def test_jobs_are_filtered_by_time(host: Host, job_ids: list[str]) -> None:
    shown = host.status(job_ids[3])["created_at"]
    created = datetime.fromisoformat(shown)
    window = {
        "since": created.isoformat(),
        "until": (created + timedelta(microseconds=1)).isoformat(),
        "limit": "1000",
    }
    found = host.http.get("jobs", params=window).json()["jobs"]
    assert [job["job_id"] for job in found] == [job_ids[3]]
    before = host.http.get("jobs", params={"until": created.isoformat(), "limit": "1000"}).json()["jobs"]
    assert job_ids[2] in [job["job_id"] for job in before]
    assert job_ids[4] not in [job["job_id"] for job in before]


def test_every_job_type_is_described_with_an_example_that_fits(host: Host) -> None:
    described = host.http.get("job-types").json()["job_types"]
    names = [job_type["job_type"] for job_type in described]
    assert {"hello_world", "list_container", "summarize_container"} <= set(names)
    for job_type in described:
        path = f"jobs/submit/{job_type['job_type']}?dry_run=true"
        assert host.http.post(path, json=job_type["example"]).status_code == 200


def test_one_job_type_is_described(host: Host) -> None:
    described = host.http.get("job-types/hello_world").json()
    assert described["parameters_schema"]["properties"]["n"]["maximum"] == 10_000
    assert described["parameters_schema"]["additionalProperties"] is False
    assert [(stage["stage"], stage["task_type"]) for stage in described["stages"]] == [
        (1, "hello_world_greeting"),
        (2, "hello_world_reply"),
    ]


def test_health_names_every_component(host: Host) -> None:
    answer = host.http.get("health")
    assert answer.json()["status"] in ("healthy", "degraded")
    assert {"database", "queues", "blob_storage", "catalogs", "host"} <= set(answer.json()["components"])
