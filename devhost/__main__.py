"""``python -m devhost``: serve the function app of the current folder until a signal ends it."""

import argparse
import atexit
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from devhost.environment import apply_values, load_local_settings
from devhost.errors import StartError
from devhost.functions import import_app, read_functions
from devhost.host import Host, HostOptions
from devhost.logs import configure_logging
from devhost.settings import load_host_settings

_log = logging.getLogger(__name__)

_DEFAULT_PORT = 7071
_FORCED = 130
_EXIT_SECONDS = 5.0
_LOOK_UP_SECONDS = 1.0


class _End(Enum):
    """How the service ended."""

    STOPPED = auto()
    LEFT_RUNNING = auto()
    TIMED_OUT = auto()


class _Wish:
    """Waits for a signal, or a function that took too long. A second signal ends the process at once."""

    def __init__(self) -> None:
        # unlike an event, its put may interrupt its get, which is what a signal does
        self._wishes: SimpleQueue[_End] = SimpleQueue()
        self._signalled = False

    def wait(self) -> _End:
        """Looks up now and then: a signal in the very instant before the wait begins would not end it."""
        while True:
            try:
                return self._wishes.get(timeout=_LOOK_UP_SECONDS)
            except Empty:
                continue

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._signalled:
            os._exit(_FORCED)
        self._signalled = True
        self._wishes.put(_End.STOPPED)

    def on_timeout(self, _function: str) -> None:
        self._wishes.put(_End.TIMED_OUT)


def main() -> None:
    arguments = _arguments()
    faulthandler.register(signal.SIGUSR1)
    original = dict(os.environ)
    try:
        end = _serve(arguments)
    except StartError as exc:
        if exc.__cause__ is not None:
            _log.error("start failed", exc_info=exc.__cause__)
        sys.exit(f"devhost: {exc}")
    _flush()
    if end is _End.TIMED_OUT:
        _restart(original)
    if end is _End.STOPPED:
        _let_the_app_close()
    os._exit(0)


def _serve(arguments: argparse.Namespace) -> _End:
    root = Path.cwd()
    settings = load_host_settings(root / "host.json")
    configure_logging(settings.logging.log_level.default)
    local = load_local_settings(root / arguments.settings)
    apply_values(local, os.environ)
    functions = read_functions(import_app(), os.environ)
    options = HostOptions(
        host=arguments.host,
        port=_DEFAULT_PORT if local.host.port is None else local.host.port,
        state=root / ".local",
        grace_seconds=arguments.grace,
    )
    if arguments.port is not None:
        options = HostOptions(options.host, arguments.port, options.state, options.grace_seconds)
    wish = _Wish()
    host = Host(functions, settings, os.environ, options, wish.on_timeout)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, wish.on_signal)
    host.start()
    if wish.wait() is _End.TIMED_OUT:
        return _End.TIMED_OUT
    return _End.STOPPED if host.stop() else _End.LEFT_RUNNING


def _let_the_app_close() -> None:
    """Call what was registered for the exit, but do not wait for it for ever.

    The process then ends without taking the interpreter apart: the app's daemon threads may hold locks that
    this would wait for, and nothing in Python could end that wait.
    """
    timer = threading.Timer(_EXIT_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
    atexit._run_exitfuncs()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- all but public since 2.3
    _flush()


def _restart(environment: Mapping[str, str]) -> None:
    """Start anew in this very process: all that ran in it is gone, as when the Functions host restarts."""
    _log.warning("host restarting")
    _flush()
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], dict(environment))  # noqa: S606 -- itself


def _flush() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m devhost", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, help=f"port to listen on, 0 for any (default {_DEFAULT_PORT})")
    parser.add_argument("--settings", default="local.settings.json", help="the local settings file")
    parser.add_argument("--grace", type=int, default=30, help="seconds that a stop may take")
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:  # noqa: PLR2004 -- the last port
        raise argparse.ArgumentTypeError("must be a whole number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    main()
