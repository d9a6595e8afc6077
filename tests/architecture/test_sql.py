"""SQL stands in ``.sql`` files: one function each, all of it used, none of it in Python."""

import re
from pathlib import Path

import pytest

from repositories.statements import load_statements
from tests.architecture.source import APP, ROOT, python_files, shown, strings

_FUNCTION_FILES = sorted((ROOT / "schema" / "sql" / "functions").glob("*.sql"))
_STATEMENT_FILES = sorted((ROOT / "repositories" / "sql").glob("*.sql"))
_MIGRATIONS = sorted((ROOT / "schema" / "sql" / "migrations").glob("*.sql"))
_CREATES = re.compile(r"^create or replace (?:function|procedure) app\.(\w+)", re.MULTILINE)
_STATEMENT = re.compile(
    r"^\s*(select\s.*\sfrom\s+\S|select\s+\w+\.|insert\s+into\s|update\s.*\sset\s|delete\s+from\s|call\s+\w+\.|"
    r"(create|alter|drop)\s+(or\s+replace\s+)?(table|schema|function|index|type|view|database|role|trigger)\b)",
    re.IGNORECASE | re.DOTALL,
)


@pytest.mark.parametrize("path", _FUNCTION_FILES, ids=lambda path: path.stem)
def test_a_file_holds_the_one_function_that_it_is_named_for(path: Path) -> None:
    assert _CREATES.findall(path.read_text("utf-8")) == [path.stem]


@pytest.mark.parametrize("path", [*_FUNCTION_FILES, *_MIGRATIONS], ids=lambda path: path.stem)
def test_a_file_begins_by_saying_what_it_is_for(path: Path) -> None:
    assert path.read_text("utf-8").startswith("-- ")


@pytest.mark.parametrize("path", _FUNCTION_FILES, ids=lambda path: path.stem)
def test_a_function_is_called(path: Path) -> None:
    elsewhere = [*(ROOT / "schema" / "sql").rglob("*.sql"), *_STATEMENT_FILES]
    assert any(f"app.{path.stem}(" in file.read_text("utf-8") for file in elsewhere if file != path)


@pytest.mark.parametrize("path", _STATEMENT_FILES, ids=lambda path: path.stem)
def test_a_statement_is_used(path: Path) -> None:
    named = {text for file in python_files("repositories") for _, text in strings(file)}
    assert sorted(set(load_statements(path.name)) - named) == []


def test_no_python_file_of_the_app_holds_sql() -> None:
    """What ``psycopg.sql`` composes is left out: an identifier that varies cannot stand in a file."""
    found = [
        f"{shown(path)}:{line} {text[:60]}"
        for path in python_files(*APP)
        for line, text in strings(path, but_in_calls_of=("SQL",))
        if _STATEMENT.match(text)
    ]
    assert found == []


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in _MIGRATIONS] == list(range(1, len(_MIGRATIONS) + 1))
