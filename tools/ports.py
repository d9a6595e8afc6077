"""Which port serves what, and what to say when another program holds it."""

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.report import ToolError

HOST = "127.0.0.1"
_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp
_ADDRESS, _STATE, _INODE = 1, 3, 9  # columns of /proc/net/tcp
_LOWEST, _HIGHEST = 1024, 65535


@dataclass(frozen=True)
class Port:
    """``variable`` names the environment variable that moves it from its default."""

    name: str
    serves: str
    default: int
    variable: str


HTTP = Port("http", "the function host (devhost)", 7071, "GEOJOBS_HTTP_PORT")
POSTGRES = Port("postgres", "PostgreSQL", 55432, "GEOJOBS_POSTGRES_PORT")
BLOB = Port("azurite_blob", "Azurite's blob service", 55010, "GEOJOBS_AZURITE_BLOB_PORT")
QUEUE = Port("azurite_queue", "Azurite's queue service", 55011, "GEOJOBS_AZURITE_QUEUE_PORT")
TABLE = Port("azurite_table", "Azurite's table service", 55012, "GEOJOBS_AZURITE_TABLE_PORT")
OF_SERVICES = (POSTGRES, BLOB, QUEUE, TABLE)
ALL = (HTTP, *OF_SERVICES)


def configured(environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """Port numbers by name: each default, or what its variable says.

    Raises ``ToolError`` for a value that is no usable port and for two services on one port.
    """
    numbers = {port.name: _number(port, environment) for port in ALL}
    if len(set(numbers.values())) < len(numbers):
        shown = ", ".join(f"{port.variable}={numbers[port.name]}" for port in ALL)
        raise ToolError(f"each service needs a port of its own: {shown}")
    return numbers


def free() -> dict[str, int]:
    """Port numbers by name, each free when it was chosen by the operating system."""
    sockets = {port.name: socket.socket() for port in ALL}
    try:
        for opened in sockets.values():
            opened.bind((HOST, 0))
        return {name: opened.getsockname()[1] for name, opened in sockets.items()}
    finally:
        for opened in sockets.values():
            opened.close()


def is_open(number: int) -> bool:
    """Whether a server accepts connections there."""
    try:
        with socket.create_connection((HOST, number), timeout=1):
            return True
    except OSError:
        return False


def require_free(wanted: Iterable[Port], numbers: Mapping[str, int]) -> None:
    """Raises ``ToolError`` that names each taken port, what it is for, its holder and how to move it."""
    taken = [port for port in wanted if not _can_bind(numbers[port.name])]
    if taken:
        raise ToolError(
            "\n".join(
                f"port {numbers[port.name]} for {port.serves} is taken{_holder(numbers[port.name])}; "
                f"end that program or set {port.variable} to another port"
                for port in taken
            )
        )


def _number(port: Port, environment: Mapping[str, str]) -> int:
    text = environment.get(port.variable, str(port.default))
    if not (text.isascii() and text.isdigit() and _LOWEST <= int(text) <= _HIGHEST):
        raise ToolError(f"{port.variable} must be a port from {_LOWEST} to {_HIGHEST}, it is {text!r}")
    return int(text)


def _can_bind(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return False
    return not is_open(number)


def _holder(number: int) -> str:
    """`` by <program> (process <pid>)``; empty where it belongs to another user and cannot be told."""
    inodes = set(_listening_inodes(number))
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        found = re.fullmatch(r"socket:\[(\d+)\]", target)
        if found and found[1] in inodes:
            pid = link.parts[2]
            return f" by {_command_of(pid)} (process {pid})"
    return ""


def _listening_inodes(number: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text("ascii").splitlines()[1:]:
            columns = line.split()
            if columns[_STATE] == _LISTENING and int(columns[_ADDRESS].rsplit(":", 1)[1], 16) == number:
                yield columns[_INODE]


def _command_of(pid: str) -> str:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return "a program"
    return raw.replace(b"\0", b" ").decode("utf-8", errors="replace").strip()[:80] or "a program"
