"""The commands of ``./dev``."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

from tools import (
    benchmarking,
    checks,
    demo,
    logs,
    ports,
    postgres,
    postgres_client,
    raster_table,
    starting,
    status,
    testing,
)
from tools.profiles import DEV, existing_profiles, profile
from tools.report import ToolError, complain, say, step
from tools.settings import running_ports

_USAGE_ERROR = 2
_HELP = """usage: ./dev COMMAND

  demo                  set up, start, run two jobs on sample files, show the results
  test [PYTEST ARGS]    set up, start what the tests need, run all of them or those asked for
  check                 format, lint, types, layers
  bench NAME [ARGS]     a measurement of benchmarks/, on services of its own; prints JSON

  rasters FOLDER... [--write]
                        every file of folders through the raster pipeline; a table of what became of each,
                        with --write also in docs/rasters.md

  start [--no-host]     PostgreSQL, Azurite and the app, on http://localhost:7071/api; with --no-host only
                        the first two, for Azure Functions Core Tools' func start
  stop                  end everything that a command here started
  status [--json]       what runs, on which ports; exit code 0 when all is healthy, else 3
  logs [SERVICE] [-f] [--profile NAME]
                        the ends of the logs, or (-f) as they grow; services: devhost, azurite, postgres
  psql [PSQL ARGS]      the database's own shell
  setup                 only install what is missing: virtual environment, PostgreSQL, Node, Azurite
  help                  this

Each command may be repeated. Data, logs and passwords are under .local/.
To begin anew: ./dev stop, then remove it.
Ports are moved by environment variables:
"""


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command."""
    name = arguments[0] if arguments else "help"
    command = _COMMANDS.get(name)
    if command is None:
        complain(f"{name} is no command; ./dev help lists them")
        return _USAGE_ERROR
    signal.signal(signal.SIGTERM, _end_tidily)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # which nohup sets
        signal.signal(signal.SIGHUP, _end_tidily)
    try:
        return command(arguments[1:])
    except ToolError as exc:
        complain(str(exc))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has left. What is still buffered must not be sent at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _demo(arguments: Sequence[str]) -> int:
    _take_none("demo", arguments)
    return demo.run_demo()


def _check(arguments: Sequence[str]) -> int:
    _take_none("check", arguments)
    return checks.run_checks()


def _start(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("./dev start")
    parser.add_argument(
        "--no-host", action="store_true", help="only what func start needs: database and storage"
    )
    if parser.parse_args(arguments).no_host:
        starting.start_services()
        step("PostgreSQL and Azurite run; ./dev status --json shows the settings that the app needs")
    else:
        starting.describe(starting.start())
    return 0


def _stop(arguments: Sequence[str]) -> int:
    _take_none("stop", arguments)
    if not starting.stop_all():
        step("nothing was running")
    return 0


def _setup(arguments: Sequence[str]) -> int:
    _take_none("setup", arguments)
    starting.setup()
    step("everything is installed")
    return 0


def _status(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("./dev status")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return status.report(parser.parse_args(arguments).as_json)


def _logs(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser("./dev logs")
    parser.add_argument("service", nargs="?", choices=logs.SERVICES)
    parser.add_argument("-f", "--follow", action="store_true")
    parser.add_argument(
        "--profile", default=DEV, choices=sorted({DEV, *(p.name for p in existing_profiles())})
    )
    given = parser.parse_args(arguments)
    return logs.show(profile(given.profile), given.service, given.follow)


def _psql(arguments: Sequence[str]) -> NoReturn:
    dev = profile(DEV)
    if dev.alive(postgres.SERVICE) is None:
        raise ToolError("PostgreSQL is not running; ./dev start starts it")
    numbers = running_ports(dev, ports.configured())
    command, environment = postgres_client.shell(dev, numbers[ports.POSTGRES.name])
    os.execve(command[0], [*command, *arguments], environment)  # noqa: S606 -- no shell wanted


def _help(_: Sequence[str]) -> int:
    say(_HELP + "\n".join(f"  {port.variable:<28} {port.default:<6} {port.serves}" for port in ports.ALL))
    return 0


def _take_none(name: str, arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(f"./dev {name}").parse_args(arguments)


def _end_tidily(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 -- the signature of a handler
    sys.exit(128 + number)


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "demo": _demo,
    "test": testing.run_tests,
    "bench": benchmarking.run_benchmark,
    "check": _check,
    "rasters": raster_table.run_table,
    "start": _start,
    "stop": _stop,
    "status": _status,
    "logs": _logs,
    "psql": _psql,
    "setup": _setup,
    "help": _help,
    "--help": _help,
    "-h": _help,
}
