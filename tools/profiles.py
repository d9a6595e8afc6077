"""A profile is one set of services with its data, ports, secrets and logs: ``dev``, or one of a test run."""

import fcntl
import json
import os
import secrets
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tools.paths import LOCAL
from tools.processes import ProcessIdentity, is_alive

DEV = "dev"
TEST = "test"


@dataclass(frozen=True)
class ServiceState:
    """A service that was started; ``data`` is the folder that holds what it keeps."""

    process: ProcessIdentity
    ports: dict[str, int]
    data: str = ""

    @property
    def alive(self) -> bool:
        return is_alive(self.process)


@dataclass(frozen=True)
class Profile:
    """Everything of it is under ``folder``, but for a database that its user could not reach there."""

    name: str
    folder: Path = field(repr=False)

    @property
    def for_tests(self) -> bool:
        return self.name != DEV

    @property
    def log_folder(self) -> Path:
        return self.folder / "logs"

    def log(self, service: str) -> Path:
        return self.log_folder / f"{service}.log"

    def secret(self, name: str) -> str:
        """A password made at first use and kept in a file that only its owner reads."""
        path = self.folder / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            _write_private(path, json.dumps(known))
        return known[name]

    def states(self) -> dict[str, ServiceState]:
        """What was started and not stopped, by service; it may have died since."""
        path = self.folder / "state.json"
        if not path.exists():
            return {}
        return {name: _state(entry) for name, entry in json.loads(path.read_text("utf-8")).items()}

    def alive(self, service: str) -> ServiceState | None:
        state = self.states().get(service)
        return state if state is not None and state.alive else None

    def remember(self, service: str, state: ServiceState) -> None:
        self._write_states({**self.states(), service: state})

    def forget(self, service: str) -> None:
        self._write_states({name: state for name, state in self.states().items() if name != service})

    @contextmanager
    def locked(self) -> Generator[None]:
        """One command at a time starts and stops the services of a profile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock"):
            yield

    def _write_states(self, states: Mapping[str, ServiceState]) -> None:
        text = json.dumps({name: asdict(state) for name, state in states.items()}, indent=2)
        _write_private(self.folder / "state.json", text)


def profile(name: str) -> Profile:
    return Profile(name, LOCAL / name)


def existing_profiles() -> list[Profile]:
    """``dev`` and every test profile that was ever started here."""
    return [Profile(path.parent.name, path.parent) for path in sorted(LOCAL.glob("*/state.json"))]


@contextmanager
def own_test_profile() -> Generator[Profile]:
    """A test profile that no other test run uses: ``test``, or ``test-2`` and so on beside a running one."""
    number = 1
    while True:
        chosen = profile(TEST if number == 1 else f"{TEST}-{number}")
        chosen.folder.mkdir(parents=True, exist_ok=True)
        with (chosen.folder / "in-use").open("w") as file:
            if _try_lock(file.fileno()):
                yield chosen
                return
        number += 1


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Holds a lock file; waits for another command that holds it. The system frees it if the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _state(entry: Mapping[str, Any]) -> ServiceState:
    return ServiceState(ProcessIdentity(**entry["process"]), dict(entry["ports"]), entry["data"])


def _write_private(path: Path, text: str) -> None:
    """In one piece, readable by its owner alone: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
