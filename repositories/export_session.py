"""HTTP for exporters, which knows how its last call went.

It says so in words of its own: callers of health see them, and what the libraries say names hosts.
"""

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import requests

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.ProxyError, "the proxy did not connect"),
    (socket.gaierror, "the name could not be resolved"),
    (ConnectionRefusedError, "the connection was refused"),
    (ssl.SSLCertVerificationError, "the certificate was not accepted"),
    (ssl.SSLError, "TLS failed"),
    (requests.exceptions.Timeout, "no answer came in time"),
    (ConnectionError, "the connection broke off"),
)


class ExportSession(requests.Session):
    """``outcome`` is that of the last call: ``answered 503``, or why there was no answer."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome: str | None = None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as exc:
            self.outcome = _reason(exc)
            raise
        self.outcome = f"answered {response.status_code}"
        return response


def _reason(error: BaseException) -> str:
    causes = list(_causes(error))
    for kind, reason in _REASONS:
        if any(isinstance(cause, kind) for cause in causes):
            return reason
    first = causes[-1]
    return errno.errorcode.get(getattr(first, "errno", None) or 0, type(first).__name__)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """From the error down to what came first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
