"""How a call of an exporter went, in words that name no address."""

import errno
import socket
import ssl
from collections.abc import Callable

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import MaxRetryError

from repositories.export_session import ExportSession

URL = "https://ingest.internal/?key=secret"


class Broken(BaseAdapter):
    """Every call ends with this error, raised from this cause."""

    def __init__(self, error: Exception, cause: Exception | None) -> None:
        super().__init__()
        self._error, self._cause = error, cause

    def send(self, request: object, **kwargs: object) -> requests.Response:  # noqa: ARG002 -- they do not matter
        raise self._error from self._cause

    def close(self) -> None:
        """Nothing is open."""


def chained(cause: Exception) -> Exception:
    """As urllib3 wraps it."""
    wrapped = MaxRetryError(None, URL)  # type: ignore[arg-type] -- no pool is needed
    wrapped.__cause__ = cause
    return wrapped


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        (requests.ConnectionError, socket.gaierror(-2, URL), "the name could not be resolved"),
        (requests.ConnectionError, ConnectionRefusedError(111, URL), "the connection was refused"),
        (requests.ConnectionError, ConnectionResetError(104, URL), "the connection broke off"),
        (requests.ConnectionError, OSError(errno.ENETUNREACH, URL), "ENETUNREACH"),
        (requests.exceptions.SSLError, ssl.SSLCertVerificationError(URL), "the certificate was not accepted"),
        (requests.exceptions.SSLError, ssl.SSLError(URL), "TLS failed"),
        (requests.exceptions.ProxyError, ConnectionRefusedError(111, URL), "the proxy did not connect"),
        (requests.ConnectTimeout, TimeoutError(URL), "no answer came in time"),
        (requests.ReadTimeout, TimeoutError(URL), "no answer came in time"),
    ],
)
def test_why_there_was_no_answer(error: Callable[[str], Exception], cause: Exception, reason: str) -> None:
    session = ExportSession()
    session.mount("https://", Broken(error(URL), chained(cause)))
    with pytest.raises(requests.RequestException):
        session.post(URL)
    assert session.outcome == reason


def test_another_error_is_told_by_its_class() -> None:
    session = ExportSession()
    session.mount("https://", Broken(requests.exceptions.InvalidHeader(URL), None))
    with pytest.raises(requests.RequestException):
        session.post(URL)
    assert session.outcome == "InvalidHeader"


def test_before_the_first_call_nothing_is_known() -> None:
    assert ExportSession().outcome is None
