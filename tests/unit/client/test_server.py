import logging

import pytest

from geojobs_client import ConfigurationError, GeoJobs
from geojobs_client.server import DEFAULT_URL, Server
from tests.unit.client.support import KEY, TOKEN, FakeServer, ok, problem


def test_without_options_the_environment_decides() -> None:
    found = Server.of(None, None, None, {"GEOJOBS_URL": "https://a.example/api/", "GEOJOBS_KEY": KEY})
    assert (found.url, found.key, found.token) == ("https://a.example/api", KEY, None)


def test_options_win_over_the_environment() -> None:
    environment = {"GEOJOBS_URL": "https://a.example/api", "GEOJOBS_KEY": "other", "GEOJOBS_TOKEN": "other"}
    found = Server.of("https://b.example/api", KEY, TOKEN, environment)
    assert (found.url, found.key, found.token) == ("https://b.example/api", KEY, TOKEN)


def test_without_either_it_is_the_local_host() -> None:
    assert Server.of(None, None, None, {}) == Server(DEFAULT_URL)


@pytest.mark.parametrize(
    "url",
    [
        "jobs.example/api",
        "ftp://jobs.example",
        "http://",
        "http://user:secret@jobs.example",
        "https://jobs.example/api?code=secret",
        "https://jobs.example/api#part",
        "http://jobs.example:port",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Server.of(url, None, None, {})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("secret", ["line\nbreak", "käse", "two words", "nul\0"])
@pytest.mark.parametrize("name", ["key", "token"])
def test_a_secret_that_no_header_carries_is_refused_without_being_shown(name: str, secret: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GeoJobs(**{name: secret})
    assert secret not in str(caught.value)


def test_the_white_space_around_a_secret_is_not_part_of_it() -> None:
    assert Server.of(None, f"{KEY}\n", None, {}).key == KEY


def test_key_and_token_are_sent_as_headers() -> None:
    server = FakeServer(ok({"job_types": []}))
    server.client(key=KEY, token=TOKEN).job_types()
    assert server.request.headers["x-functions-key"] == KEY
    assert server.request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_without_them_no_such_header_is_sent() -> None:
    server = FakeServer(ok({"job_types": []}))
    server.client().job_types()
    assert not {"x-functions-key", "authorization"} & set(server.request.headers)


def test_a_token_may_be_asked_for_at_each_request() -> None:
    tokens = iter(["first", "second"])
    server = FakeServer(ok({"job_types": []}))
    geojobs = server.client(token=lambda: next(tokens))
    geojobs.job_types()
    geojobs.job_types()
    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer first", "Bearer second"]


def test_no_secret_is_ever_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = FakeServer(problem(503), problem(401))
    geojobs = server.client(key=KEY, token=TOKEN, retries=1)
    with pytest.raises(Exception, match="it is so") as caught:
        geojobs.job_types()
    shown = [repr(geojobs), repr(vars(geojobs)), repr(geojobs._sender._http.headers), str(caught.value)]
    shown += [repr(caught.value), caplog.text, str([vars(record) for record in caplog.records])]
    assert [text for text in shown if KEY in text or TOKEN in text] == []


def test_a_redirect_takes_the_key_nowhere() -> None:
    server = FakeServer(ok(status=307, Location="https://elsewhere.example/"))
    with pytest.raises(Exception, match="307"):
        server.client(key=KEY).job_types()
    assert server.request.url.host == "jobs.example"
