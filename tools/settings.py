"""How the app is told of its services: the environment variables that ``config.py`` reads."""

from collections.abc import Mapping

from tools import azurite, ports, postgres_client
from tools.profiles import Profile

CONTAINERS = ("bronze", "silver", "gold")


def app_environment(profile: Profile, numbers: Mapping[str, int]) -> dict[str, str]:
    """For the app on this machine, with the profile's services on these ports."""
    return {
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": azurite.connection_string(azurite.WELL_KNOWN, numbers),
        "POSTGRES_HOST": ports.HOST,
        "POSTGRES_PORT": str(numbers[ports.POSTGRES.name]),
        "POSTGRES_DB": postgres_client.DATABASE,
        "POSTGRES_USER": postgres_client.USER,
        "POSTGRES_PASSWORD": postgres_client.password(profile),
        "POSTGRES_SSLMODE": "disable",
        "POSTGRES_READ_ROLE": postgres_client.READER,
        "AUTH_MODE": "anonymous",
        "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        "ALLOW_SCHEMA_RESET": "true",
        "DEVELOPMENT_JOB_TYPES": "true",
    }


def postgres_uri(profile: Profile, numbers: Mapping[str, int]) -> str:
    """With the password, for tools that take one string."""
    where = f"{ports.HOST}:{numbers[ports.POSTGRES.name]}/{postgres_client.DATABASE}"
    return f"postgresql://{postgres_client.USER}:{postgres_client.password(profile)}@{where}"


def used_ports(profile: Profile) -> dict[str, int]:
    """Where the services that run now are."""
    alive = [state.ports for state in profile.states().values() if state.alive]
    return {name: number for ports_of_one in alive for name, number in ports_of_one.items()}


def running_ports(profile: Profile, configured: Mapping[str, int]) -> dict[str, int]:
    """Where each service is: the port of a running one, else the configured port."""
    return {**configured, **used_ports(profile)}
