import os
import sys
from pathlib import Path

import pytest

from tools import shell
from tools.paths import VENV
from tools.report import ToolError


def test_a_foreign_python_and_database_do_not_reach_our_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = str(tmp_path / "bin")
    for name in ("PYTHONPATH", "PYTHONHOME", "PGHOST", "PGPASSWORD"):
        monkeypatch.setenv(name, "foreign")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join([foreign, "/usr/bin"]))

    environment = shell.clean_environment()

    assert "foreign" not in environment.values()
    assert "VIRTUAL_ENV" not in environment
    assert environment["PATH"] == f"{VENV}/bin:/usr/bin"


def test_what_is_added_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOJOBS_X", "old")

    assert shell.clean_environment({"GEOJOBS_X": "new"})["GEOJOBS_X"] == "new"


def test_output_is_returned() -> None:
    assert shell.run(["/bin/echo", "word"], seconds=10) == "word\n"


def test_input_is_passed() -> None:
    assert shell.run(["/bin/cat"], seconds=10, text_in="word") == "word"


def test_a_failure_shows_command_code_and_output() -> None:
    with pytest.raises(ToolError, match=r"/bin/sh -c .* ended with code 3:\nbad"):
        shell.run(["/bin/sh", "-c", "echo bad >&2; exit 3"], seconds=10)


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(ToolError, match="did not end within"):
        shell.run(["/bin/sleep", "60"], seconds=0.1)


def test_a_program_that_is_not_there_is_reported() -> None:
    with pytest.raises(ToolError, match="/nowhere could not be run"):
        shell.run(["/nowhere"], seconds=10)


def test_an_exit_code_is_returned() -> None:
    assert shell.call([sys.executable, "-c", "raise SystemExit(5)"]) == 5


def test_the_caller_is_told_who_runs() -> None:
    pids: list[int] = []

    shell.call(["/bin/true"], on_start=pids.append)

    assert pids


def test_a_program_ends_when_we_are_told_to_end() -> None:
    seen: list[int] = []

    def interrupt(pid: int) -> None:
        seen.append(pid)
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        shell.call(["/bin/sleep", "60"], on_start=interrupt)
    assert not Path(f"/proc/{seen[0]}").exists()
