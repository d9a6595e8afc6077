"""What the documents say of the code is true."""

import re
from pathlib import Path

import pytest
from pydantic import AliasChoices

from config import Settings
from registration import JOBS
from schema.access import Access
from tests.architecture.source import ROOT, shown
from tools import cli
from triggers.blueprints import ROUTES

_DOCUMENTS = [*sorted(ROOT.glob("*.md")), ROOT / "client/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def _text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def _names_of(field: str) -> list[str]:
    """The environment variables of a setting."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias] if isinstance(alias, str) else [field.upper()]


def _default_of(variable: str) -> str:
    row = re.search(rf"^\| `{variable}` \| ([^|]+) \|", _text("docs/settings.md"), re.MULTILINE)
    return row[1].strip().strip("`") if row else "no row"


def _written(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    if isinstance(default, float):
        return f"{default:g}"
    return "none" if default == "" else str(default).lower()


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_setting_is_described(field: str) -> None:
    described = _text("docs/settings.md")
    assert [name for name in _names_of(field) if f"`{name}`" not in described] == []


@pytest.mark.parametrize("field", Settings.model_fields)
def test_a_settings_default_is_the_one_described(field: str) -> None:
    assert _default_of(_names_of(field)[0]) == _written(Settings.model_fields[field].default)


@pytest.mark.parametrize("path", _DOCUMENTS, ids=shown)
def test_a_document_links_to_what_is_there(path: Path) -> None:
    missing = [link for link in _LINK.findall(path.read_text("utf-8")) if not (path.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("path", _DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_decision_and_consequences(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith(f"# {int(path.stem[:4])}. ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert f"({path.name})" in _text("docs/adr/README.md")


def test_the_protocol_names_every_sql_function() -> None:
    protocol = _text("docs/protocol.md")
    functions = sorted(path.stem for path in (ROOT / "schema" / "sql" / "functions").glob("*.sql"))
    assert [name for name in functions if f"`{name}`" not in protocol] == []


@pytest.mark.parametrize("access", [Access.OPEN, Access.SUBMIT, Access.ADMIN])
def test_the_routes_of_an_access_are_those_described(access: Access) -> None:
    listed = re.search(
        rf"^- \*\*{access}\*\*: (.+?)^(?:-|$)", _text("docs/auth.md"), re.MULTILINE | re.DOTALL
    )
    assert listed is not None
    described = re.findall(r"`([A-Z]+ [^`]+)`", listed[1])
    assert sorted(described) == sorted(
        f"{route.method} {route.path}" for route in ROUTES if route.access is access
    )


def test_whatever_else_may_be_called_only_reads() -> None:
    assert {route.method for route in ROUTES if route.access is Access.READ} == {"GET"}


def test_the_readme_names_every_job_type() -> None:
    assert [job.job_type for job in JOBS if f"| `{job.job_type}` |" not in _text("README.md")] == []


def test_the_readme_names_every_command() -> None:
    commands = [name for name in cli._COMMANDS if not name.startswith("-")]
    assert [name for name in commands if f"`./dev {name}" not in _text("README.md")] == []


def test_the_readme_gives_the_two_commands_first() -> None:
    first = re.search(r"```sh\n(.*?)```", _text("README.md"), re.DOTALL)
    assert first is not None
    assert re.findall(r"^\./dev \w+", first[1], re.MULTILINE) == ["./dev demo", "./dev test"]
