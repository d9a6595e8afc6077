"""What the command line says, and the one error it shows without a traceback."""

import sys
from pathlib import Path

_MAX_TAIL_BYTES = 64 * 1024


class ToolError(Exception):
    """A command could not do its work; the message says why and what to do about it."""


def say(text: str = "") -> None:
    print(text, flush=True)


def step(text: str) -> None:
    """A line about what is being done now, beside what the command itself writes."""
    print(f"dev: {text}", file=sys.stderr, flush=True)


def complain(text: str) -> None:
    print(f"dev: {text}", file=sys.stderr, flush=True)


def tail(path: Path, lines: int) -> str:
    """The last lines of a log; empty where there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _MAX_TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])
