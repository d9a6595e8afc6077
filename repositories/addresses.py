"""Looks up the addresses of a host, in bounded time, and lets only public ones pass."""

import socket
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from schema.addresses import is_public_address

Resolve = Callable[[str, int], Sequence[str]]
"""The IP addresses of a host, for a port; ``OSError`` where there are none."""


class NotPublicError(Exception):
    """One of a host's addresses is private, local or reserved."""


class NotResolvedError(Exception):
    """The name has no address, or none was given in time."""


def system_resolve(host: str, port: int) -> list[str]:
    """As the system's resolver has it: DNS, and the hosts file."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in found]


def public_addresses(host: str, port: int, seconds: float, resolve: Resolve = system_resolve) -> list[str]:
    """The addresses of a host, each once: all of them public, or ``NotPublicError``; ``NotResolvedError``.

    One bad address spoils all: the caller of a callback would else choose by luck.
    """
    answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, UnicodeError) as exc:
            answers.put(exc)

    # a thread of its own, as the resolver knows no time-out; it ends when the resolver gives up
    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    try:
        found = answers.get(timeout=max(0.001, seconds))
    except Empty:
        raise NotResolvedError("the name was not resolved in time") from None
    if isinstance(found, Exception) or not found:
        raise NotResolvedError("the name could not be resolved")
    if not all(is_public_address(address) for address in found):
        raise NotPublicError("the name leads to an address that is private, local or reserved")
    return list(dict.fromkeys(found))
