"""Loads the SQL statements that stand, each under its name, in ``repositories/sql/*.sql``."""

from pathlib import Path
from typing import LiteralString, cast

_FOLDER = Path(__file__).parent / "sql"
_MARK = "-- name:"


def load_statements(file_name: str) -> dict[str, LiteralString]:
    """The statements of one file by name. A statement starts below its ``-- name: <name>`` line.

    Raises ``ValueError`` where two have the same name. They count as literals because they are part of
    the source: nothing is ever put into them but bound parameters.
    """
    statements: dict[str, LiteralString] = {}
    for part in (_FOLDER / file_name).read_text("utf-8").split(_MARK)[1:]:
        name, _, body = part.partition("\n")
        if name.strip() in statements:
            raise ValueError(f"{file_name} has two statements named {name.strip()}")
        statements[name.strip()] = cast("LiteralString", body.strip())
    return statements
