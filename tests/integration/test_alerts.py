"""Alerts reach a web server, and nothing that the server does reaches the caller or the log."""

import logging
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from repositories import alerts
from repositories.alerts import WebhookAlerts
from tests.support.web_server import WebServer, running_web_server

SUBJECT, FACTS = "it broke", {"job_id": "a" * 64, "task_id": None}


@pytest.fixture
def server() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def logged(caplog: pytest.LogCaptureFixture, url: str) -> list[str]:
    """The messages; none may show the address."""
    with caplog.at_level(logging.INFO):
        WebhookAlerts(url).alert(SUBJECT, FACTS)
    for record in caplog.records:
        assert "127.0.0.1" not in str(vars(record))
        assert "do-not-log-me" not in str(vars(record))
        assert record.exc_info is None
    return [record.message for record in caplog.records]


def test_an_alert_is_a_document_with_subject_and_facts(
    server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(caplog, server.url) == []
    assert server.received == [{"subject": SUBJECT, **FACTS}]


def test_without_an_address_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        WebhookAlerts(None).alert(SUBJECT, FACTS)
    assert caplog.records == []


@pytest.mark.parametrize("status", [302, 307, 400, 401, 500, 503])
def test_one_that_was_not_taken_is_logged_and_sent_nowhere_else(
    server: WebServer, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    server.status = status
    assert logged(caplog, server.url) == ["alert was not taken"]
    assert vars(caplog.records[0])["status"] == status
    assert len(server.received) == 1


def test_a_server_that_is_away_is_logged(closed_port: int, caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, f"http://127.0.0.1:{closed_port}/do-not-log-me") == ["alert was not delivered"]


@pytest.mark.parametrize("url", ["", "no address", "ftp://127.0.0.1/", "http://[127.0.0.1", "http://"])
def test_an_address_that_is_none_is_logged(caplog: pytest.LogCaptureFixture, url: str) -> None:
    assert logged(caplog, url) == ["alert was not delivered"]


def test_a_server_that_does_not_answer_holds_up_nobody_for_long(
    server: WebServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_TIMEOUT_SECONDS", (0.5, 0.5))
    server.slow = True
    begun = monotonic()
    assert logged(caplog, server.url) == ["alert was not delivered"]
    assert monotonic() - begun < 5


@contextmanager
def endless_server() -> Generator[str]:
    """The address of a server that begins its answer to one call and never ends it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        held: list[socket.socket] = []

        def serve() -> None:
            held.append(listening.accept()[0])
            held[0].recv(65_536)
            held[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nx")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(10)
        held[0].close()


def test_a_server_that_never_ends_its_answer_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    begun = monotonic()
    with endless_server() as url:
        assert logged(caplog, url) == []
    assert monotonic() - begun < 5
