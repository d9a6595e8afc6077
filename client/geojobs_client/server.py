"""Which server is called, and with which credentials; secrets never show in a ``repr``."""

import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import httpx

from geojobs_client.errors import ConfigurationError

URL, KEY, TOKEN = "GEOJOBS_URL", "GEOJOBS_KEY", "GEOJOBS_TOKEN"
DEFAULT_URL = "http://localhost:7071/api"

Token: TypeAlias = str | Callable[[], str]


@dataclass(frozen=True)
class Server:
    """``token`` may be a function, asked at each request, since such tokens live an hour."""

    url: str
    key: str | None = field(default=None, repr=False)
    token: Token | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        url: str | None,
        key: str | None,
        token: Token | None,
        environment: Mapping[str, str] = os.environ,
    ) -> "Server":
        """What is not given comes from the environment. Raises ``ConfigurationError``."""
        key = key or environment.get(KEY)
        token = token or environment.get(TOKEN)
        return cls(
            url=_checked_url(url or environment.get(URL) or DEFAULT_URL),
            key=_checked_secret(KEY, key) if key else None,
            token=_checked_secret(TOKEN, token) if isinstance(token, str) else token,
        )


class Credentials(httpx.Auth):
    """Adds the key and the token when a request is sent, so that no other object holds them as headers."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if self._server.key:
            request.headers["x-functions-key"] = self._server.key
        token = self._server.token
        if token:
            text = token if isinstance(token, str) else _checked_secret(TOKEN, token())
            request.headers["Authorization"] = f"Bearer {text}"
        yield request


def _checked_url(text: str) -> str:
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        raise ConfigurationError(f"the address ({URL}) is not a URL") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(f"the address ({URL}) must begin with http:// or https://")
    if url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            f"the address ({URL}) must not hold a user, a query or a fragment; a key goes into {KEY}"
        )
    return str(url).rstrip("/")


def _checked_secret(name: str, secret: str) -> str:
    """As a header may carry it. Refused here, since the HTTP library would show it in its error."""
    text = secret.strip()
    if text and text.isascii() and text.isprintable() and " " not in text:
        return text
    raise ConfigurationError(f"{name} must be printable ASCII without spaces")
