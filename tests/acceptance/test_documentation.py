"""The API describes itself: the document, and the page that shows it without any other server."""

import json
import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from registration import initialize_catalogs
from schema.access import AuthMode
from tests.acceptance.hosting import Host
from triggers.api_document import api_document
from triggers.blueprints import ROUTES

LINKED = re.compile(r"(?:src|href)=\"([^\"]+)\"")
FETCHED = re.compile(r"beside\(\"([^\"]+)\"\)")


@pytest.fixture(scope="module")
def page(host: Host) -> httpx.Response:
    return host.http.get("docs")


def links(page: httpx.Response) -> Iterator[str]:
    """What the page loads or leads to, as a browser resolves it."""
    return (urljoin(str(page.url), link) for link in LINKED.findall(page.text))


def test_the_document_is_that_of_this_apps_routes(host: Host) -> None:
    answer = host.http.get("openapi.json")
    jobs, _ = initialize_catalogs(development=True)
    job_types = [jobs.get(name) for name in sorted(jobs.names())]
    assert answer.headers["Content-Type"].startswith("application/json")
    expected = api_document(ROUTES, job_types, AuthMode.ANONYMOUS)
    assert answer.json() == json.loads(json.dumps(expected))


@pytest.mark.parametrize("path", ["openapi.json", "docs", "docs/swagger-ui.css"])
def test_what_a_caller_has_is_not_sent_again(host: Host, path: str) -> None:
    first = host.http.get(path)
    again = host.http.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = host.http.get(path, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_the_page_is_html_that_may_load_from_here_only(page: httpx.Response) -> None:
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_has_no_script_of_its_own(page: httpx.Response) -> None:
    assert re.findall(r"<script[^>]*>(.+?)</script>", page.text) == []
    assert re.findall(r"\son\w+=", page.text) == []


def test_all_that_the_page_loads_is_served_here(host: Host, page: httpx.Response) -> None:
    loaded = list(links(page))
    assert len(loaded) >= 5
    for link in loaded:
        assert urlsplit(link).netloc == urlsplit(str(page.url)).netloc
        answer = host.http.get(link)
        assert answer.status_code == 200, link
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("initializer.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("favicon-32x32.png", "image/png"),
    ],
)
def test_a_file_of_the_page_is_sent_as_what_it_is(host: Host, name: str, media_type: str) -> None:
    answer = host.http.get(f"docs/{name}")
    assert answer.headers["Content-Type"].split(";")[0] == media_type
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


def test_the_page_finds_its_files_where_its_address_ends_with_a_slash(host: Host) -> None:
    page = host.http.get("docs/")
    assert page.status_code == 200
    assert all(host.http.get(link).status_code == 200 for link in links(page))


def test_what_the_page_shows_is_beside_it(host: Host) -> None:
    script = host.http.get("docs/initializer.js").text
    assert "://" not in script
    shown = FETCHED.findall(script)
    assert shown == ["openapi.json", "ogc/api"]
    assert [host.http.get(path).json()["openapi"][:2] for path in shown] == ["3.", "3."]


@pytest.mark.parametrize("name", ["index.html", "swagger-ui.js", "..%2Finitializer.js", "%2e%2e", "x" * 500])
def test_nothing_else_is_a_file_of_the_page(host: Host, name: str) -> None:
    answer = host.http.get(f"docs/{name}")
    assert answer.status_code == 404
    assert answer.json()["code"] == "ASSET_NOT_FOUND"
