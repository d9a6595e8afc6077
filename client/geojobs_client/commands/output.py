"""What is written where: answers on standard output, all that is said about them on standard error.

Texts that come from the server are shown as they are, never as markup, and never with control characters: a
file's name must not be able to move a terminal's cursor, nor to turn the direction of what follows it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import typer
from pydantic import BaseModel
from pydantic_core import to_json
from rich.console import Console
from rich.table import Table
from rich.text import Text

_LEAST_WIDTH = 160
_ENDLESS_WIDTH = 1_000_000


def answers() -> Console:
    """So wide that ids stay whole, and a line is never broken where the output goes into a pipe."""
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, _LEAST_WIDTH) if console.is_terminal else _ENDLESS_WIDTH
    return console


def messages() -> Console:
    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def say(message: str) -> None:
    """One line for the person at the terminal."""
    messages().print(Text(plain(message)))


def write_json(value: BaseModel | object) -> None:
    """One JSON document; a person may read it too."""
    typer.echo(_escaped(to_json(value, indent=2).decode()))


def write_json_line(value: BaseModel) -> None:
    """One line of JSON Lines."""
    typer.echo(_escaped(to_json(value).decode()))


def write_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns without borders, so that ``awk`` can read them too."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "job_id")
    for row in rows:
        table.add_row(*(Text(shown(value)) for value in row))
    console = answers()
    with console.capture() as written:
        console.print(table)
    for line in written.get().splitlines():
        typer.echo(line.rstrip())


def write_facts(facts: Iterable[tuple[str, object]]) -> None:
    """One fact a line; what is absent is left out."""
    console = answers()
    for name, value in facts:
        if value is not None:
            line = Text(f"{name:<14} ", style="bold").append(shown(value), style="not bold")
            console.print(line, soft_wrap=True)


def shown(value: object) -> str:
    """A value as people read it: times in UTC to the second, JSON on one line."""
    match value:
        case None:
            return "-"
        case str():
            return plain(value)
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case dict() | list() | tuple():
            return _escaped(to_json(value).decode())  # pyright: ignore[reportUnknownArgumentType] -- JSON
        case _:
            return plain(str(value))


def _escaped(document: str) -> str:
    """The same JSON, in which what is not printable is written as JSON writes it, but for line ends between
    tokens."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_escaped_character, line))
        for line in document.split("\n")
    )


def _escaped_character(char: str) -> str:
    if char.isprintable():
        return char
    units = char.encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def plain(text: str) -> str:
    """Without control characters."""
    return "".join(char if char.isprintable() else "?" for char in text.replace("\n", " "))
