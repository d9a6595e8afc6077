"""``./dev setup``, ``start`` and ``stop``."""

import os
from collections.abc import Mapping, Sequence

from tools import devhost_process, environment, node, packages, ports, postgres_install, services
from tools.azurite import WELL_KNOWN, connection_string, install_azurite
from tools.paths import VENV_PYTHON
from tools.ports import Port
from tools.profiles import DEV, existing_profiles, profile
from tools.report import say, step
from tools.settings import CONTAINERS, running_ports, used_ports
from tools.shell import clean_environment, run


def setup() -> None:
    """Install what is missing; quick where nothing is."""
    packages.satisfy(environment.need(), postgres_install.need(), node.need())
    environment.ensure_environment()
    install_azurite()


def start() -> dict[str, int]:
    """Everything the app needs and the app itself; returns the ports by name."""
    dev = profile(DEV)
    numbers = start_services(ports.ALL)
    with dev.locked():
        services.start_devhost(dev, numbers)
        for done in devhost_process.migrate(numbers):
            step(f"schema: {done}")
    return numbers


def start_services(needed: Sequence[Port] = ports.OF_SERVICES) -> dict[str, int]:
    """What the app stands on: PostgreSQL, and Azurite with the blob containers.

    ``needed`` are all the ports that will be used, so that a taken one is reported before anything starts.
    """
    dev = profile(DEV)
    configured = ports.configured()
    setup()
    with dev.locked():
        numbers = running_ports(dev, configured)
        _report_moved(configured, numbers)
        in_use = used_ports(dev)
        ports.require_free([port for port in needed if port.name not in in_use], numbers)
        services.start_postgres(dev, numbers)
        services.start_azurite(dev, numbers)
        run_with_storage(numbers, "tools.containers", *CONTAINERS)
    return numbers


def run_with_storage(numbers: Mapping[str, int], module: str, *arguments: str) -> str:
    """The output of one of our modules that needs the virtual environment and the blob storage."""
    told = clean_environment({"AzureWebJobsStorage": connection_string(WELL_KNOWN, numbers)})
    return run([VENV_PYTHON, "-m", module, *arguments], seconds=120, environment=told)


def describe(numbers: Mapping[str, int]) -> None:
    """What runs now and what to try."""
    api = devhost_process.api_url(numbers)
    say(f"""
The app serves on {api}; blob containers: {", ".join(CONTAINERS)}.

  curl {api}/health
  curl {api}/job-types
  curl -X POST {api}/jobs/submit/hello_world -d '{{"n": 3}}'

  ./dev status    what runs, on which ports      ./dev psql    the database
  ./dev logs -f   the logs as they grow          ./dev stop    end it all
""")


def stop_all() -> bool:
    """End what runs in every profile; false where nothing did."""
    ended = [services.stop(each) for each in existing_profiles()]
    return any(ended)


def _report_moved(configured: Mapping[str, int], numbers: Mapping[str, int]) -> None:
    for port in ports.ALL:
        if port.variable in os.environ and configured[port.name] != numbers[port.name]:
            step(
                f"{port.serves} runs on port {numbers[port.name]}; "
                f"to move it to {configured[port.name]}: ./dev stop, then start"
            )
