"""Starts and stops the services of a profile, each unless it runs already."""

import shutil
import signal
from collections.abc import Callable, Mapping, Sequence

from tools import azurite, devhost_process, ports, postgres
from tools.ports import Port
from tools.processes import end
from tools.profiles import Profile, ServiceState
from tools.report import ToolError, step

RUN = "run"  # pytest or a measurement, which uses the services
Starter = Callable[[Profile, Mapping[str, int]], ServiceState]

_TERM, _INT, _KILL = signal.SIGTERM, signal.SIGINT, signal.SIGKILL
# PostgreSQL's fast shutdown (pg_ctl's -m fast) is SIGINT, its immediate one SIGQUIT. On both it ends its own
# processes, which it cannot do once killed.
_STOP_SIGNALS = {
    RUN: ((_INT, 20.0), (_TERM, 10.0), (_KILL, 5.0)),
    devhost_process.SERVICE: ((_TERM, 45.0), (_KILL, 5.0)),  # it gives what is under way 30 s
    azurite.SERVICE: ((_TERM, 10.0), (_KILL, 5.0)),
    postgres.SERVICE: ((_INT, 30.0), (signal.SIGQUIT, 10.0), (_KILL, 5.0)),
}
_IN_STOP_ORDER = tuple(_STOP_SIGNALS)


def start_postgres(profile: Profile, numbers: Mapping[str, int]) -> ServiceState:
    return _start(profile, numbers, postgres.SERVICE, (ports.POSTGRES,), postgres.start)


def start_azurite(profile: Profile, numbers: Mapping[str, int]) -> ServiceState:
    return _start(profile, numbers, azurite.SERVICE, azurite.PORTS, azurite.start)


def start_devhost(profile: Profile, numbers: Mapping[str, int]) -> ServiceState:
    return _start(profile, numbers, devhost_process.SERVICE, (ports.HTTP,), devhost_process.start)


def stop(profile: Profile) -> list[str]:
    """End all that was started for the profile; returns what was ended.

    Raises ``ToolError`` when a process could not be ended.
    """
    with profile.locked():
        return [name for name in _IN_STOP_ORDER if _stop_one(profile, name)]


def _start(
    profile: Profile, numbers: Mapping[str, int], service: str, needed: Sequence[Port], starter: Starter
) -> ServiceState:
    shown = ", ".join(str(numbers[port.name]) for port in needed)
    running = profile.alive(service)
    if running is not None:
        step(f"{service} ({profile.name}) runs already, process {running.process.pid}, port {shown}")
        return running
    ports.require_free(needed, numbers)
    step(f"starting {service} ({profile.name}) on port {shown}")
    return starter(profile, numbers)


def _stop_one(profile: Profile, name: str) -> bool:
    known = profile.states().get(name)
    running = known if known is not None and known.alive else None
    if running is not None:
        step(f"stopping {name} ({profile.name}), process {running.process.pid}")
        if not end(running.process, _STOP_SIGNALS[name]):
            raise ToolError(f"{name} ({profile.name}), process {running.process.pid}, could not be ended")
    if known is not None and profile.for_tests and known.data:
        shutil.rmtree(known.data, ignore_errors=True)  # of no use to the next run, which begins anew
    profile.forget(name)
    return running is not None
