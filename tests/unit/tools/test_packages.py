import os
import shutil
from collections.abc import Sequence

import pytest

from tools import packages, postgres_install
from tools.packages import Need
from tools.report import ToolError

_NODE = Need("node not found", ("nodejs",))
_APT = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
_INSTALL = [*_APT, "install", "--no-install-recommends"]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run, by root."""
    recorded: list[list[str]] = []

    def record(command: Sequence[str], seconds: float) -> str:
        recorded.append(list(command))
        return ""

    monkeypatch.setattr(packages, "run", record)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return recorded


def test_nothing_is_run_where_nothing_is_missing(commands: list[list[str]]) -> None:
    packages.satisfy(None, None)

    assert commands == []


def test_root_installs_without_sudo_and_without_questions(commands: list[list[str]]) -> None:
    packages.satisfy(_NODE)

    assert commands == [[*_APT, "update"], [*_INSTALL, "nodejs"]]


def test_all_that_is_missing_is_installed_in_one_go(commands: list[list[str]]) -> None:
    packages.satisfy(None, Need("no database", ("postgresql",)), _NODE)

    assert commands[1:] == [[*_INSTALL, "postgresql", "nodejs"]]


def test_names_are_chosen_when_the_lists_are_fresh(commands: list[list[str]]) -> None:
    def choose() -> tuple[str, ...]:
        assert commands == [[*_APT, "update"]]
        return ("postgresql-16",)

    packages.satisfy(Need("no database", ("postgresql",), choose))

    assert commands[1:] == [[*_INSTALL, "postgresql-16"]]


def test_others_install_with_sudo(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    packages.satisfy(_NODE)

    assert [command[0] for command in commands] == ["sudo", "sudo"]


def test_without_root_and_sudo_the_command_to_run_is_shown(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sudo" else name)

    with pytest.raises(ToolError, match=r"as root run: apt-get update && apt-get install .* nodejs npm$"):
        packages.satisfy(_NODE, Need("npm not found", ("npm",)))
    assert commands == []


def test_without_apt_the_packages_are_named(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)

    with pytest.raises(ToolError, match=r"apt-get is not here; .*: nodejs$"):
        packages.satisfy(_NODE)
    assert commands == []


def test_the_plain_names_are_used_where_apt_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_install, "known", lambda _: True)

    assert postgres_install.package_names() == ("postgresql", "postgresql-postgis")


def test_else_the_newest_version_that_has_postgis_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = "postgresql-9-postgis-3 - old\npostgresql-16-postgis-3 - new\npostgresql-15-postgis-3 - older\n"
    monkeypatch.setattr(postgres_install, "known", lambda _: False)
    monkeypatch.setattr(postgres_install, "run", lambda _, **__: listed)

    assert postgres_install.package_names() == ("postgresql-16", "postgresql-16-postgis-3")


def test_an_apt_without_postgis_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_install, "known", lambda _: False)
    monkeypatch.setattr(postgres_install, "run", lambda _, **__: "")

    with pytest.raises(ToolError, match="apt knows no package"):
        postgres_install.package_names()


def test_this_machine_has_postgres_with_postgis() -> None:
    assert (postgres_install.postgres_binaries() / "initdb").exists()


def test_the_packages_are_not_needed_where_it_is() -> None:
    assert postgres_install.need() is None
