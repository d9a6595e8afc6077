"""The header ``X-Callback-URL`` of a submission, through the route and on a real database."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from repositories.postgres import Database
from schema.callbacks import MAX_CALLBACKS
from tests.support.routes import Answer, call
from triggers.application import Application

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
URL = "https://hooks.example.com/geojobs?token=hidden"


@pytest.fixture
def application(make_application: Callable[..., Application]) -> Application:
    hosts = "hooks.example.com,*.example.org,ports.example.net:8443"
    made = make_application(CALLBACK_SECRET=SECRET, CALLBACK_ALLOWED_HOSTS=hosts)
    made.queue.ensure_queues()
    return made


def submit(application: Application, url: str, query: str = "", **parameters: Any) -> Answer:
    body = json.dumps({"n": 1, **parameters}).encode()
    headers = {"X-Callback-URL": url, "X-Correlation-ID": "corr-1"}
    return call(application, "POST", f"/jobs/submit/hello_world{query}", body=body, headers=headers)


def stored(database: Database) -> list[dict[str, Any]]:
    return database.fetch_all(
        "select url, notify::text, form::text, state::text, base_url, correlation_id"
        " from app.callbacks order by callback_id"
    )


def test_a_submission_stores_the_address_that_its_header_names(
    application: Application, database: Database
) -> None:
    assert submit(application, URL).status == 202
    assert stored(database) == [
        {
            "url": URL,
            "notify": "final",
            "form": "job",
            "state": "waiting",
            "base_url": "http://localhost:7071/api",
            "correlation_id": "corr-1",
        }
    ]


DEPLOYED = {
    "WEBSITE_SITE_NAME": "geojobs-prod",
    "AUTH_MODE": "keys",
    "CALLBACK_SECRET": SECRET,
    "CALLBACK_ALLOWED_HOSTS": "hooks.example.com",
}


@pytest.mark.parametrize(
    ("settings", "base"),
    [({}, "/api"), ({"PUBLIC_URL": "http://localhost:7071/api"}, "http://localhost:7071/api")],
)
def test_an_app_that_is_deployed_sends_absolute_links_only_with_an_address_of_its_own(
    make_application: Callable[..., Application], database: Database, settings: dict[str, str], base: str
) -> None:
    """The request comes with ``http://localhost:7071``, which a caller may have made up."""
    deployed = make_application(**DEPLOYED, **settings)
    deployed.queue.ensure_queues()
    assert submit(deployed, URL).status == 202
    assert [row["base_url"] for row in stored(database)] == [base]


def test_the_address_is_no_part_of_the_jobs_identity(application: Application, database: Database) -> None:
    first = submit(application, URL).json()
    again = submit(application, "https://a.example.org/").json()
    assert (again["job_id"], again["created"]) == (first["job_id"], False)
    assert [row["url"] for row in stored(database)] == [URL, "https://a.example.org/"]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hooks.example.com/services/hidden/hidden?token=hidden", "https://hooks.example.com"),
        ("https://ports.example.net:8443/hidden", "https://ports.example.net:8443"),
        ("https://hooks.example.com?token=hidden", "https://hooks.example.com"),
    ],
)
def test_the_callbacks_of_a_job_are_shown_by_host_and_port(
    application: Application, url: str, told: str
) -> None:
    job_id = submit(application, url).json()["job_id"]
    answer = call(application, "GET", f"/db/jobs/{job_id}")
    (shown,) = answer.json()["callbacks"]
    assert (shown["url"], shown["state"], shown["run"]) == (told, "waiting", 1)
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no address",
        "http://hooks.example.com/",
        "https://elsewhere.example.com/",
        "https://hooks.example.com:8443/",
        "https://user:secret@hooks.example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://hooks.example.com/" + "x" * 2_000,
        "https://hooks.example.com/'; drop table app.jobs; --\x00",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_an_address_that_is_not_taken_is_a_400_that_names_the_header(
    application: Application, database: Database, url: str, query: str
) -> None:
    answer = submit(application, url, query)
    assert (answer.status, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert answer.error_pointers == ["X-Callback-URL"]
    assert database.fetch_all("select job_id from app.jobs") == []


def test_one_address_too_many_for_a_job_is_a_400_that_names_the_header(
    application: Application, database: Database
) -> None:
    for number in range(MAX_CALLBACKS):
        assert submit(application, f"https://hooks.example.com/{number}").status in (200, 202)
    answer = submit(application, URL)
    assert (answer.status, answer.json()["code"]) == (400, "INVALID_PARAMETERS")
    assert answer.error_pointers == ["X-Callback-URL"]
    assert "20 callbacks" in answer.json()["detail"]
    assert len(stored(database)) == MAX_CALLBACKS


def test_without_a_secret_no_address_is_taken(
    make_application: Callable[..., Application], database: Database
) -> None:
    unsigned = make_application(CALLBACK_ALLOWED_HOSTS="hooks.example.com")
    answer = submit(unsigned, URL)
    assert answer.status == 400
    assert "CALLBACK_SECRET" in answer.json()["detail"]
    assert database.fetch_all("select job_id from app.jobs") == []


def test_a_dry_run_with_an_address_stores_neither_job_nor_callback(
    application: Application, database: Database
) -> None:
    assert submit(application, URL, "?dry_run=true").status == 200
    assert (stored(database), database.fetch_all("select job_id from app.jobs")) == ([], [])
