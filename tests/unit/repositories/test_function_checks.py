"""The files of SQL functions, as the function checks read them."""

from pathlib import Path

import pytest

from repositories.function_checks import declaration

FILES = sorted((Path(__file__).parents[3] / "schema" / "sql" / "functions").glob("*.sql"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_declares_one_function_named_as_the_file(file: Path) -> None:
    text = file.read_text("utf-8")
    assert declaration(text).name == file.stem
    assert text.count("create or replace function") + text.count("create or replace procedure") == 1


def test_a_declaration_ends_with_its_body_and_is_temporary() -> None:
    text = (
        "-- Why.\ncreate or replace function app.f(p_n integer) returns integer\nlanguage sql as $$\n"
        "    select app.g(p_n)\n$$;\n\ncreate or replace trigger t after update on app.jobs\n"
        "    for each row execute function app.f();\n"
    )
    declared = declaration(text)
    assert (declared.kind, declared.name) == ("function", "f")
    assert declared.as_temporary == (
        "create function pg_temp.f(p_n integer) returns integer\nlanguage sql as $$\n"
        "    select app.g(p_n)\n$$;"
    )


@pytest.mark.parametrize("text", ["", "select 1;", "create or replace function app.f() returns void"])
def test_a_file_that_declares_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no function or procedure"):
        declaration(text)
