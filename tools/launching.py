"""Starts a service of a profile, puts it on record at once, and waits until it is ready."""

import os
import signal
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tools.processes import spawn
from tools.profiles import Profile, ServiceState
from tools.report import ToolError, tail
from tools.waiting import wait_until

_READY_SECONDS = 60.0
_SHOWN_LINES = 30
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def launch(
    profile: Profile,
    service: str,
    command: Sequence[str | Path],
    ports: dict[str, int],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    data: Path | None = None,
    user: int | None = None,
    group: int | None = None,
) -> ServiceState:
    """Start it in the background. Its log begins anew; the one before is kept beside it."""
    log = profile.log(service)
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    # An interrupt between the two would leave a process that nothing knows of.
    with _uninterrupted():
        process = spawn(command, log=log, environment=environment, cwd=cwd, user=user, group=group)
        if process is not None:
            state = ServiceState(process, ports, str(data) if data else "")
            profile.remember(service, state)
            return state
    raise _failure(profile, service)


def await_ready(profile: Profile, service: str, state: ServiceState, ready: Callable[[], bool]) -> None:
    """Raises ``ToolError`` with the end of the service's log when it ended or did not get ready in time."""
    if not wait_until(lambda: ready() or not state.alive, _READY_SECONDS) or not state.alive:
        raise _failure(profile, service)


def _failure(profile: Profile, service: str) -> ToolError:
    log = profile.log(service)
    return ToolError(f"{service} did not start; the end of {log}:\n{tail(log, _SHOWN_LINES)}")


@contextmanager
def _uninterrupted() -> Generator[None]:
    held: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- the signature of a handler
        held.append(number)

    before = {number: signal.signal(number, hold) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in held[:1]:
            os.kill(os.getpid(), number)
