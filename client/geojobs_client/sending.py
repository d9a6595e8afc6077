"""Sends requests: time-outs on each, a bounded number of repetitions where repeating is safe."""

import logging
import random
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import httpx
from pydantic_core import to_json

from geojobs_client.clock import Clock, Deadline
from geojobs_client.errors import NoAnswerError, ServiceUnavailableError, UnexpectedAnswerError
from geojobs_client.problems import error_of
from geojobs_client.server import Credentials, Server
from geojobs_client.version import __version__

_log = logging.getLogger(__name__)

QueryValue: TypeAlias = str | int | bool | datetime | None

_CONNECT_SECONDS = 10.0
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_LEAST_SECONDS = 1.0
# The request cannot have left: to send it again is safe, whatever it asks for.
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Call:
    """One request. ``repeatable`` says that sending it twice does what sending it once does.

    ``accepts``: statuses that are an answer although they are no success, unless they are problem documents.
    """

    method: str
    path: str
    query: Mapping[str, QueryValue] = field(default_factory=dict[str, QueryValue])
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    repeatable: bool = False
    accepts: frozenset[int] = frozenset()


class Sender:
    """Owns the HTTP client; ``close`` ends its connections."""

    def __init__(
        self,
        server: Server,
        clock: Clock,
        *,
        timeout: float,
        retries: int,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._retries = retries
        self._http = httpx.Client(
            base_url=server.url,
            auth=Credentials(server),
            headers={"User-Agent": f"geojobs-client/{__version__}", "Accept": "application/json"},
            follow_redirects=False,  # the key goes to nobody else
            transport=transport,
        )

    def close(self) -> None:
        self._http.close()

    def send(self, call: Call, deadline: Deadline | None = None) -> httpx.Response:
        """The answer, read whole. Raises ``ApiError``, ``NoAnswerError`` and ``UnexpectedAnswerError``."""
        return self._repeated(call, deadline or Deadline(self._clock), whole=True)

    @contextmanager
    def stream(self, call: Call) -> Generator[Iterator[bytes]]:
        """As ``send``, the body in pieces as they come; once it has begun nothing is sent again."""
        response = self._repeated(call, Deadline(self._clock), whole=False)
        try:
            with _as_our_errors():
                yield response.iter_bytes()
        finally:
            response.close()

    def _repeated(self, call: Call, deadline: Deadline, *, whole: bool) -> httpx.Response:
        for attempt in range(self._retries):
            try:
                return self._once(call, deadline, whole)
            except (NoAnswerError, ServiceUnavailableError) as exc:
                remaining = deadline.remaining()
                delay = min(_delay(exc, attempt), remaining)  # the last time is at the deadline itself
                if not _may_repeat(call, exc) or delay > _LONGEST_DELAY or remaining <= 0:
                    raise
                _log.info(
                    "request failed and was sent again",
                    extra={"path": call.path, "attempt": attempt + 1, "delay_s": round(delay, 2)},
                )
            self._clock.sleep(delay)
        return self._once(call, deadline, whole)

    def _once(self, call: Call, deadline: Deadline, whole: bool) -> httpx.Response:
        with _as_our_errors():
            response = self._http.send(self._request(call, deadline), stream=True)
            if _is_answer(response, call) and not whole:
                return response
            try:
                response.read()
            finally:
                response.close()
        if _is_answer(response, call):
            return response
        raise error_of(response)

    def _request(self, call: Call, deadline: Deadline) -> httpx.Request:
        seconds = min(self._timeout, max(deadline.remaining(), _LEAST_SECONDS))
        headers = dict(call.headers)
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return self._http.build_request(
            call.method,
            call.path,
            params=_written(call.query),
            content=None if call.body is None else to_json(call.body),
            headers=headers,
            timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        )


@contextmanager
def _as_our_errors() -> Generator[None]:
    try:
        yield
    except httpx.TransportError as exc:
        raise NoAnswerError(_told(exc), sent=not isinstance(exc, _NEVER_SENT)) from exc
    except httpx.DecodingError as exc:
        raise UnexpectedAnswerError("the answer's body could not be decoded") from exc


def _told(exc: httpx.TransportError) -> str:
    origin = exc.request.url.copy_with(path="/", query=None)
    if isinstance(exc, httpx.TimeoutException):
        return f"{origin} did not answer in time"
    return f"{origin} could not be reached: {exc or type(exc).__name__}"


def _may_repeat(call: Call, exc: NoAnswerError | ServiceUnavailableError) -> bool:
    return call.repeatable or (isinstance(exc, NoAnswerError) and not exc.sent)


def _delay(exc: NoAnswerError | ServiceUnavailableError, attempt: int) -> float:
    """Doubles each time, with jitter, and is never less than the server asked for."""
    own = _FIRST_DELAY * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads clients, guards nothing
    asked = exc.retry_after if isinstance(exc, ServiceUnavailableError) else None
    return max(own, asked or 0.0)


def _is_answer(response: httpx.Response, call: Call) -> bool:
    is_problem = "problem+json" in response.headers.get("Content-Type", "")
    return response.is_success or (response.status_code in call.accepts and not is_problem)


def _written(query: Mapping[str, QueryValue]) -> dict[str, str]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: str | int | bool | datetime) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).isoformat()
    return str(value)
