"""The client is a project of its own."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

from geojobs_client import __version__
from geojobs_client.commands.exits import Exit
from tests.architecture.source import ROOT, imported_names, python_files

_CLIENT = ROOT / "client"
_MODULES = python_files("client/geojobs_client")


def test_it_imports_what_it_declares_and_nothing_else() -> None:
    project = tomllib.loads((_CLIENT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {requirement.partition("~")[0] for requirement in project["dependencies"]}
    imported = {name.split(".")[0] for path in _MODULES for name in imported_names(path)}
    foreign = imported - set(sys.stdlib_module_names) - {"geojobs_client"}
    assert declared == {"httpx", "pydantic", "rich", "typer"}
    assert foreign == {*declared, "pydantic_core"}


def test_installed_alone_its_command_runs(tmp_path: Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    subprocess.run([*pip, "--target", str(tmp_path), str(_CLIENT)], check=True, timeout=90)
    done = subprocess.run(
        [tmp_path / "bin" / "geojobs", "--version"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == f"geojobs {__version__}\n"
    assert (tmp_path / "geojobs_client" / "py.typed").exists()


def test_the_readme_lists_every_exit_code() -> None:
    readme = (_CLIENT / "README.md").read_text("utf-8")
    assert [code.name for code in Exit if f"\n| {code.value} |" not in readme] == []


def test_every_call_of_the_http_library_is_in_one_place() -> None:
    clients = [
        path.name
        for path in _MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "httpx.Client"
    ]
    assert clients == ["sending.py"]
