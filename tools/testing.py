"""``./dev test``: services of their own for the run, pytest, the measure of coverage."""

import json
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools import azurite, ports, postgres_client, services
from tools.paths import VENV_PYTHON
from tools.processes import identify
from tools.profiles import Profile, ServiceState, own_test_profile
from tools.report import step
from tools.shell import call, clean_environment
from tools.starting import setup


def run_tests(arguments: Sequence[str]) -> int:
    """pytest's exit code; without arguments all tests run and too little coverage is a failure too."""
    with running_services() as (profile, environment):
        return _pytest(profile, environment, arguments)


@contextmanager
def running_services() -> Generator[tuple[Profile, dict[str, str]]]:
    """PostgreSQL and Azurite of this run's own, and the environment that names them; ended afterwards."""
    setup()
    with own_test_profile() as profile:
        services.stop(profile)
        try:
            with profile.locked():
                numbers = ports.free()
                services.start_postgres(profile, numbers)
                services.start_azurite(profile, numbers)
            described = json.dumps(services_for_tests(profile, numbers))
            yield profile, clean_environment({"GEOJOBS_SERVICES": described})
        finally:
            services.stop(profile)


def services_for_tests(profile: Profile, numbers: Mapping[str, int]) -> dict[str, object]:
    """What tests read from ``GEOJOBS_SERVICES``."""
    return {
        "postgres": {
            "host": ports.HOST,
            "port": numbers[ports.POSTGRES.name],
            "user": postgres_client.USER,
            "password": postgres_client.password(profile),
            "database": postgres_client.DATABASE,
            "read_role": postgres_client.READER,
        },
        "azurite": {
            "blob_endpoint_base": f"http://{ports.HOST}:{numbers[ports.BLOB.name]}",
            "queue_endpoint_base": f"http://{ports.HOST}:{numbers[ports.QUEUE.name]}",
            "accounts": [{"name": account.name, "key": account.key} for account in azurite.accounts(profile)],
        },
    }


def _pytest(profile: Profile, environment: Mapping[str, str], arguments: Sequence[str]) -> int:
    if arguments:
        return recorded(profile, [VENV_PYTHON, "-m", "pytest", *arguments], environment)
    folder = profile.folder / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return _with_coverage(profile, {**environment, "COVERAGE_FILE": str(folder / "data")})


def _with_coverage(profile: Profile, environment: Mapping[str, str]) -> int:
    coverage = [VENV_PYTHON, "-m", "coverage"]
    tests = [*coverage, "run", "--parallel-mode", "-m", "pytest", "tests"]
    code = recorded(profile, tests, environment)
    if code != 0:
        return code
    step("coverage of the core")
    return call([*coverage, "combine", "--quiet"], environment) or call([*coverage, "report"], environment)


def recorded(profile: Profile, command: Sequence[str | Path], environment: Mapping[str, str]) -> int:
    """The program's exit code; ``./dev stop`` ends it too, should this command be killed meanwhile."""

    def record(pid: int) -> None:
        identity = identify(pid)
        if identity is not None:
            profile.remember(services.RUN, ServiceState(identity, {}))

    return call(command, environment, record)
