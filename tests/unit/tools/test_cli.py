import signal
from collections.abc import Iterator, Sequence

import pytest

from tools import checks, cli, profiles, starting
from tools.report import ToolError


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def _fail() -> int:
    raise ToolError("no network")


def _interrupt() -> int:
    raise KeyboardInterrupt


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    assert "./dev COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["demo", "test", "check", "start", "stop", "status", "logs", "psql", "setup", "help"]
)
def test_help_lists_every_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["help"])

    assert f"\n  {command} " in capsys.readouterr().out


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["strat"]) == 2
    assert "strat is no command" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["demo", "x"], ["stop", "--all"], ["logs", "nginx"], ["status", "x"]])
def test_unknown_arguments_are_a_usage_error(
    arguments: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.run(arguments)
    assert caught.value.code == 2
    assert "usage: ./dev" in capsys.readouterr().err


def test_a_failure_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "run_checks", _fail)

    assert cli.run(["check"]) == 1
    assert capsys.readouterr().err == "dev: no network\n"


def test_an_interrupt_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "run_checks", _interrupt)

    assert cli.run(["check"]) == 130


def test_stop_says_when_nothing_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "existing_profiles", list[profiles.Profile])

    assert cli.run(["stop"]) == 0
    assert "nothing was running" in capsys.readouterr().err
