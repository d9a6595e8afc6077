"""Azurite, Microsoft's emulator of Azure Storage: installed from npm into the checkout, one per profile."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from tools import ports
from tools.launching import await_ready, launch
from tools.node import node
from tools.paths import AZURITE_HOME
from tools.profiles import Profile, ServiceState, locked
from tools.report import step
from tools.shell import clean_environment, run

SERVICE = "azurite"
VERSION = (
    "3.35.0"  # the last that runs on the Node 18 of Debian 12 and Ubuntu 24.04; later ones want 21 or 22
)
PORTS = (ports.BLOB, ports.QUEUE, ports.TABLE)
_INSTALL_SECONDS = 600.0
_TEST_ACCOUNTS = 600


@dataclass(frozen=True)
class StorageAccount:
    name: str
    key: str


# Azurite's published account: the same on every machine, so no secret.
WELL_KNOWN = StorageAccount(
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
)


def accounts(profile: Profile) -> list[StorageAccount]:
    """The well-known one; for tests also many that are empty, so that each test can have its own."""
    if not profile.for_tests:
        return [WELL_KNOWN]
    return [WELL_KNOWN, *(_test_account(number) for number in range(_TEST_ACCOUNTS))]


def connection_string(account: StorageAccount, numbers: Mapping[str, int]) -> str:
    """For ``AzureWebJobsStorage``."""
    endpoints = {
        "BlobEndpoint": numbers[ports.BLOB.name],
        "QueueEndpoint": numbers[ports.QUEUE.name],
        "TableEndpoint": numbers[ports.TABLE.name],
    }
    listed = "".join(f"{name}=http://{ports.HOST}:{port}/{account.name};" for name, port in endpoints.items())
    return f"DefaultEndpointsProtocol=http;AccountName={account.name};AccountKey={account.key};{listed}"


def start(profile: Profile, numbers: Mapping[str, int]) -> ServiceState:
    """Start the emulator; returns when all three of its services listen."""
    program, script = installed()
    options = [
        "--skipApiVersionCheck",
        "--disableTelemetry",
        "--silent",
    ]  # else a line for every poll of a queue
    for kind, port in zip(("blob", "queue", "table"), PORTS, strict=True):
        options += [f"--{kind}Host", ports.HOST, f"--{kind}Port", str(numbers[port.name])]
    data = profile.folder / SERVICE
    data.mkdir(parents=True, exist_ok=True)
    options += ["--inMemoryPersistence"] if profile.for_tests else ["--location", str(data)]
    state = launch(
        profile,
        SERVICE,
        [program, script, *options],
        {port.name: numbers[port.name] for port in PORTS},
        environment=clean_environment({"AZURITE_ACCOUNTS": _listed(accounts(profile))}),
        cwd=data,
        data=data,
    )
    await_ready(profile, SERVICE, state, lambda: all(map(ports.is_open, state.ports.values())))
    return state


def install_azurite() -> None:
    """Into the checkout, unless this version is there."""
    with locked(AZURITE_HOME.with_name("azurite.lock")):
        if _installed_version() == VERSION:
            return
        step(f"installing Azurite {VERSION} from npm into {AZURITE_HOME}")
        run(
            ["npm", "install", "--no-audit", "--no-fund", "--prefix", AZURITE_HOME, f"azurite@{VERSION}"],
            seconds=_INSTALL_SECONDS,
        )


def installed() -> tuple[str, str]:
    """The program that runs Azurite and its first argument; installed first where it is missing."""
    install_azurite()
    return node(), str(AZURITE_HOME / "node_modules/azurite/dist/src/azurite.js")


def _installed_version() -> str | None:
    description = AZURITE_HOME / "node_modules/azurite/package.json"
    return json.loads(description.read_text("utf-8"))["version"] if description.exists() else None


def _test_account(number: int) -> StorageAccount:
    name = f"t{number:03}"
    return StorageAccount(name, base64.b64encode(hashlib.sha512(name.encode()).digest()).decode())


def _listed(known: list[StorageAccount]) -> str:
    return ";".join(f"{account.name}:{account.key}" for account in known)
