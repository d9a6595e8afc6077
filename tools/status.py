"""``./dev status``: what runs, on which ports, and whether it answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from tools import azurite, devhost_process, ports, postgres, postgres_client
from tools.http import request
from tools.profiles import DEV, Profile, existing_profiles, profile
from tools.report import ToolError, say
from tools.settings import app_environment, postgres_uri, running_ports

HEALTHY, UNHEALTHY = 0, 3
_SERVICES = (postgres.SERVICE, azurite.SERVICE, devhost_process.SERVICE)


@dataclass(frozen=True)
class ServiceStatus:
    """``health``: ``healthy``, ``not running`` or what is wrong. ``pid`` is ``None`` for one not running."""

    health: str
    pid: int | None
    ports: dict[str, int]
    connection_string: str
    log: str
    data: str | None = None


def report(as_json: bool) -> int:
    """Print it; 0 where all of ``dev`` is healthy, else 3."""
    dev = profile(DEV)
    numbers = running_ports(dev, ports.configured())
    statuses = {name: _status(dev, name, numbers) for name in _SERVICES}
    healthy = all(status.health == "healthy" for status in statuses.values())
    others = _of_test_runs()
    if as_json:
        document = {
            "healthy": healthy,
            "url": devhost_process.api_url(numbers),
            "services": {name: asdict(status) for name, status in statuses.items()},
            "environment": app_environment(dev, numbers),
            "test_runs": others,
        }
        say(json.dumps(document, indent=2))
    else:
        _table(statuses, others)
    return HEALTHY if healthy else UNHEALTHY


def _status(dev: Profile, name: str, numbers: Mapping[str, int]) -> ServiceStatus:
    running = dev.alive(name)
    probe, connection, served = {
        postgres.SERVICE: (_postgres_health, postgres_uri(dev, numbers), (ports.POSTGRES,)),
        azurite.SERVICE: (
            _azurite_health,
            azurite.connection_string(azurite.WELL_KNOWN, numbers),
            azurite.PORTS,
        ),
        devhost_process.SERVICE: (_devhost_health, devhost_process.api_url(numbers), (ports.HTTP,)),
    }[name]
    return ServiceStatus(
        health=probe(numbers) if running else "not running",
        pid=running.process.pid if running else None,
        ports={port.name: numbers[port.name] for port in served},
        connection_string=connection,
        log=str(dev.log(name)),
        data=running.data or None if running else None,
    )


def _postgres_health(numbers: Mapping[str, int]) -> str:
    try:
        postgres_client.ping(profile(DEV), numbers[ports.POSTGRES.name])
    except ToolError as exc:
        return f"refuses connections: {exc}".splitlines()[0]
    return "healthy"


def _azurite_health(numbers: Mapping[str, int]) -> str:
    silent = [
        port.serves for port in azurite.PORTS if not _answers(f"http://{ports.HOST}:{numbers[port.name]}/")
    ]
    return f"no answer from {', '.join(silent)}" if silent else "healthy"


def _devhost_health(numbers: Mapping[str, int]) -> str:
    try:
        answer = request("GET", f"{devhost_process.api_url(numbers)}/health", seconds=15)
        return str(answer.json().get("status", f"answered with status {answer.status}"))
    except ToolError as exc:
        return str(exc)


def _answers(url: str) -> bool:
    """Whether anything comes back; without a signature Azurite answers with an error."""
    try:
        request("GET", url, seconds=5)
    except ToolError:
        return False
    return True


def _of_test_runs() -> list[dict[str, object]]:
    return [
        {"profile": each.name, "service": name, "pid": state.process.pid, "ports": state.ports}
        for each in existing_profiles()
        if each.for_tests
        for name, state in each.states().items()
        if state.alive
    ]


def _table(statuses: Mapping[str, ServiceStatus], others: list[dict[str, object]]) -> None:
    say(f"{'service':<10} {'process':>8}  {'ports':<20} health")
    for name, status in statuses.items():
        shown = " ".join(str(number) for number in status.ports.values())
        say(f"{name:<10} {status.pid or '-':>8}  {shown:<20} {status.health}")
    for other in others:
        say(f"{other['service']} of the test run {other['profile']}, process {other['pid']}")
