"""The law of the addresses that may be called: https, on the list, nothing hidden in them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from pydantic_core import Url

from schema.addresses import is_public_address

MAX_URL_LENGTH = 2_000
HTTPS_PORT = 443

_FIT_FOR_A_URL = re.compile(r"[^\s\\\x00-\x1f\x7f]+")
_WILDCARD = "*."


@dataclass(frozen=True)
class CallbackTarget:
    """An address taken apart. ``host`` is lower-case, its international labels in their ASCII form."""

    url: str
    host: str
    port: int
    path: str

    @property
    def literal(self) -> str | None:
        """The IP address, where the host is one."""
        bare = self.host.strip("[]")
        try:
            return str(ip_address(bare))
        except ValueError:
            return None


class UnfitUrlError(ValueError):
    """The message says what would be right, and shows nothing of the address but its host."""


class AllowedHosts:
    """The hosts that may be called: ``hooks.example.com``, ``*.example.com`` for all below it, or either with
    a port (``hooks.example.com:8443``), which is then the only one. Without a port it is 443."""

    def __init__(self, entries: Iterable[str] = ()) -> None:
        """Raises ``ValueError`` for an entry that is none."""
        self._exact: set[tuple[str, int]] = set()
        self._below: set[tuple[str, int]] = set()
        for entry in entries:
            below, target = _entry(entry)
            (self._below if below else self._exact).add((target.host, target.port))

    def checked(self, text: str) -> CallbackTarget:
        """The address taken apart and normalised; raises ``UnfitUrlError``."""
        target = _parsed(text)
        if not self._lists(target):
            raise UnfitUrlError(
                f"host {target.host} with port {target.port} is not on the list of hosts that may be called"
                " (CALLBACK_ALLOWED_HOSTS)"
            )
        if target.literal is not None and not is_public_address(target.literal):
            raise UnfitUrlError("must not name a private, local or reserved IP address")
        return target

    def _lists(self, target: CallbackTarget) -> bool:
        if (target.host, target.port) in self._exact:
            return True
        labels = target.host.split(".")
        parents = (".".join(labels[first:]) for first in range(1, len(labels)))
        return target.literal is None and any((parent, target.port) in self._below for parent in parents)


def _parsed(text: str) -> CallbackTarget:
    """``UnfitUrlError`` where it is no https address without user and fragment."""
    if len(text) > MAX_URL_LENGTH:
        raise UnfitUrlError(f"must have at most {MAX_URL_LENGTH} characters")
    if not _FIT_FOR_A_URL.fullmatch(text):
        raise UnfitUrlError("must be an https address without spaces, control characters and backslashes")
    try:
        url = Url(text)
    except ValueError:
        raise UnfitUrlError("must be an address such as https://hooks.example.com/path") from None
    if url.scheme != "https" or not url.host:
        raise UnfitUrlError("must begin with https://")
    if url.username is not None or url.password is not None:
        raise UnfitUrlError("must not hold a user name or password")
    if url.fragment is not None:
        raise UnfitUrlError("must not have a fragment (#)")
    if len(str(url)) > MAX_URL_LENGTH:
        raise UnfitUrlError(f"must have at most {MAX_URL_LENGTH} characters with its percent-encoding")
    port = HTTPS_PORT if url.port is None else url.port
    query = "" if url.query is None else f"?{url.query}"
    return CallbackTarget(str(url), url.host, port, f"{url.path or '/'}{query}")


def _entry(entry: str) -> tuple[bool, CallbackTarget]:
    """An entry of the list, and whether it stands for all hosts below it."""
    below = entry.startswith(_WILDCARD)
    bare = entry.removeprefix(_WILDCARD)
    try:
        target = _parsed(f"https://{bare}")
    except UnfitUrlError:
        raise _bad_entry(entry) from None
    only_a_host = target.path == "/" and "*" not in bare and "/" not in bare and not bare.endswith(":")
    if not only_a_host or (below and ("." not in target.host or target.literal)):
        raise _bad_entry(entry)
    return below, target


def _bad_entry(entry: str) -> ValueError:
    return ValueError(
        f"{entry!r} is no host such as hooks.example.com, *.example.com or hooks.example.com:8443"
    )
