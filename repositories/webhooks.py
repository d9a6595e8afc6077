"""Calls receivers over HTTPS: only hosts that are allowed, only at public addresses, in bounded time."""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from time import monotonic
from urllib.parse import urljoin

import pybreaker

from interfaces.callbacks import SendOutcome, Sent
from repositories.addresses import (
    NotPublicError,
    NotResolvedError,
    Resolve,
    public_addresses,
    system_resolve,
)
from repositories.circuits import HastyCircuit
from schema.callback_urls import HTTPS_PORT, AllowedHosts, CallbackTarget, UnfitUrlError
from schema.version import VERSION

TOTAL_SECONDS = 10.0

_CONNECT_SECONDS = 3.0
_RESOLVE_SECONDS = 4.0
_MOST_ADDRESSES = 4
_MOST_REDIRECTS = 3
_MOST_BYTES_READ = 4_096
_FOLLOWED = (HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT)
_FAULTS_OF_THE_HOST = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_FAILURES_TO_OPEN = 5
_OPEN_SECONDS = 30.0
_MOST_CIRCUITS = 256

Dial = Callable[[str, int, float], socket.socket]
"""Connects to an IP address and port within so many seconds; ``OSError`` where that fails."""


class _HostFailedError(Exception):
    """The receiver did not answer as a healthy one does; it counts for its circuit."""

    def __init__(self, error: str, retry_after: float | None = None) -> None:
        super().__init__(error)
        self.sent = Sent(SendOutcome.REJECTED, error, retry_after)


@dataclass(frozen=True)
class _Answer:
    status: int
    location: str | None
    retry_after: float | None


class WebhookSender:
    """Implements ``interfaces.callbacks.CallbackSender``.

    A name is resolved once, each of its addresses is checked, and the connection goes to the address that was
    checked, while the certificate must be the name's: what the name resolves to a moment later is of no
    interest. A redirect is a new address under the same rules. Proxies of the environment are not asked.

    ``resolve`` and ``dial`` are the system's; a test that brings its own does not get past the rules for
    addresses, which lie between the two.
    """

    def __init__(
        self,
        allowed: AllowedHosts,
        *,
        resolve: Resolve = system_resolve,
        dial: Dial | None = None,
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        open_seconds: float = _OPEN_SECONDS,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._dial = dial or _dial
        self._trust = lru_cache(1)(trust)
        self._open_seconds = open_seconds
        self._circuit_of = lru_cache(_MOST_CIRCUITS)(self._new_circuit)

    def held_up(self, url: str) -> Sent | None:
        """While the circuit of its host is open."""
        try:
            refused = self._circuit(self._allowed.checked(url)).refuses
        except UnfitUrlError:
            return None  # sending says why
        return self._postponed() if refused else None

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> Sent:
        """Follows redirects of the kind that keeps method and body. Ten seconds for all of it."""
        try:
            target = self._allowed.checked(url)
            return self._circuit(target).call(lambda: self._posted(target, body, headers))
        except pybreaker.CircuitBreakerError:
            return self._postponed()
        except _HostFailedError as exc:
            return exc.sent
        except (UnfitUrlError, NotPublicError) as exc:
            return Sent(SendOutcome.REFUSED, f"not called: {exc}")

    def _posted(self, target: CallbackTarget, body: bytes, headers: Mapping[str, str]) -> Sent:
        deadline = monotonic() + TOTAL_SECONDS
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._answer(target, body, headers, deadline)
            if answer.status not in _FOLLOWED or answer.location is None:
                return _judged(answer)
            target = self._allowed.checked(_joined(target.url, answer.location))
        return Sent(SendOutcome.REJECTED, f"redirected more than {_MOST_REDIRECTS} times")

    def _answer(
        self, target: CallbackTarget, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> _Answer:
        try:
            with self._connection(target, deadline) as connection:
                connection.request("POST", target.path, body, {**_own_headers(target), **headers})
                with connection.getresponse() as response:
                    if monotonic() >= deadline:  # headers that were cut off look as if they had ended
                        raise TimeoutError
                    return _read(response)
        except NotResolvedError as exc:
            raise _HostFailedError(str(exc)) from exc
        except ssl.SSLCertVerificationError as exc:
            raise _HostFailedError("its certificate was not accepted") from exc
        except (OSError, http.client.HTTPException) as exc:
            late = monotonic() >= deadline or isinstance(exc, TimeoutError)
            raise _HostFailedError("did not answer in time" if late else "could not be reached") from exc

    @contextmanager
    def _connection(self, target: CallbackTarget, deadline: float) -> Generator[http.client.HTTPConnection]:
        """A connection to one of the addresses, which is cut at the deadline whatever is under way."""
        name = target.host.strip("[]")
        raw = self._connected(target, name, deadline)
        with _cut_at(deadline, raw):
            raw.settimeout(_left(deadline))
            with self._trust().wrap_socket(raw, server_hostname=name) as secured:
                connection = http.client.HTTPConnection(target.host, target.port)
                connection.auto_open = 0  # it would resolve the name again, and speak in the clear
                connection.sock = secured
                yield connection

    def _connected(self, target: CallbackTarget, name: str, deadline: float) -> socket.socket:
        if target.literal is not None:
            addresses = [target.literal]  # checked with the address itself
        else:
            seconds = min(_RESOLVE_SECONDS, _left(deadline))
            addresses = public_addresses(name, target.port, seconds, self._resolve)
        failure: OSError = TimeoutError()
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return self._dial(address, target.port, min(_CONNECT_SECONDS, _left(deadline)))
            except OSError as exc:
                failure = exc
        raise failure

    def _postponed(self) -> Sent:
        return Sent(SendOutcome.POSTPONED, "the host has been failing", self._open_seconds)

    def _circuit(self, target: CallbackTarget) -> HastyCircuit:
        return self._circuit_of(f"{target.host}:{target.port}")

    def _new_circuit(self, host: str) -> HastyCircuit:
        """Only what a host does wrong opens its circuit, not what our rules say of it."""
        return HastyCircuit(host, _FAILURES_TO_OPEN, self._open_seconds, (UnfitUrlError, NotPublicError))


def _dial(address: str, port: int, seconds: float) -> socket.socket:
    return socket.create_connection((address, port), seconds)


@contextmanager
def _cut_at(deadline: float, connected: socket.socket) -> Generator[None]:
    """Time-outs of a socket are for each of its reads: a server that sends a byte now and then would go on
    for ever. So the connection is shut down from outside."""
    with connected.dup() as other_end:
        timer = threading.Timer(_left(deadline), _shut_down, [other_end])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            connected.close()


def _shut_down(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:  # it was closed already
        return


def _read(response: http.client.HTTPResponse) -> _Answer:
    with suppress(OSError, http.client.HTTPException):  # what follows the status says nothing
        response.read(_MOST_BYTES_READ)
    return _Answer(
        response.status, response.getheader("Location"), _seconds(response.getheader("Retry-After"))
    )


def _own_headers(target: CallbackTarget) -> dict[str, str]:
    host = target.host if target.port == HTTPS_PORT else f"{target.host}:{target.port}"
    return {"Host": host, "User-Agent": f"geojobs/{VERSION}", "Connection": "close"}


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise UnfitUrlError("must be redirected to an address") from None


def _judged(answer: _Answer) -> Sent:
    """Raises ``_HostFailedError`` for what a healthy receiver does not say."""
    status = answer.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent(SendOutcome.TAKEN)
    if status == HTTPStatus.GONE:
        return Sent(SendOutcome.GONE, "answered 410: it wants no more")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _FAULTS_OF_THE_HOST:
        raise _HostFailedError(f"answered {status}", answer.retry_after)
    return Sent(SendOutcome.REJECTED, f"answered {status}", answer.retry_after)


def _seconds(retry_after: str | None) -> float | None:
    """What a ``Retry-After`` header asks for, in seconds or as a date; ``None`` where it is neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _left(deadline: float) -> float:
    return max(0.001, deadline - monotonic())
