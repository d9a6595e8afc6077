"""PostgreSQL for one profile: made, started, prepared."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tools import ports
from tools.launching import await_ready, launch
from tools.postgres_account import Account, account, data_folder
from tools.postgres_client import SUPERUSER, ping_server, prepare, superuser_password
from tools.postgres_install import postgres_binaries
from tools.profiles import Profile, ServiceState
from tools.report import ToolError, step
from tools.shell import run

SERVICE = "postgres"
_MARK = "geojobs_profile"  # a file in the data that says whose they are
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
_SETTINGS = {
    "listen_addresses": ports.HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
}
# Tests kill the server's clients, never the machine. These settings only guard against loss of power, at the
# price of a wait for the disk in every commit; a crash of the server alone loses nothing without them.
_TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


def start(profile: Profile, numbers: Mapping[str, int]) -> ServiceState:
    """Start the profile's server, made first where there is none; a test's is always new."""
    port = numbers[ports.POSTGRES.name]
    binaries = postgres_binaries()
    owner = account()
    data = data_folder(profile, owner)
    if profile.for_tests or _is_orphan(profile, data):
        shutil.rmtree(data, ignore_errors=True)
    if not (data / _MARK).exists():
        _make(profile, binaries, owner, data)
    _require_usable(profile, binaries, data)
    state = _launch(profile, binaries, owner, data, port)
    await_ready(profile, SERVICE, state, lambda: _accepts(profile, port))
    prepare(profile, port)
    return state


def _make(profile: Profile, binaries: Path, owner: Account, data: Path) -> None:
    step(f"making a database for {profile.name} in {data}")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    owner.give(data)
    password_file = data.with_name(f"{data.name}.password")
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(superuser_password(profile), "utf-8")
        owner.give(password_file)
        command = [
            binaries / "initdb",
            f"--pgdata={data}",
            f"--username={SUPERUSER}",
            "--auth=scram-sha-256",
            f"--pwfile={password_file}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
            *(["--no-sync"] if profile.for_tests else []),
        ]
        run(
            command,
            seconds=120,
            environment=_ENVIRONMENT,
            cwd=Path("/"),
            user=owner.user,
            group=owner.group,
        )
        # The last thing written, so that what has it is whole.
        (data / _MARK).write_text(profile.secret(_MARK), "ascii")
        owner.give(data / _MARK)
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise
    finally:
        password_file.unlink(missing_ok=True)


def _is_orphan(profile: Profile, data: Path) -> bool:
    """Whether the data lie outside of the checkout and those who removed ``.local`` could not see them."""
    return data.parent != profile.folder and not _is_ours(profile, data)


def _is_ours(profile: Profile, data: Path) -> bool:
    mark = data / _MARK
    return mark.exists() and mark.read_text("ascii") == profile.secret(_MARK)


def _require_usable(profile: Profile, binaries: Path, data: Path) -> None:
    if not _is_ours(profile, data):
        raise ToolError(f"the passwords of the data in {data} are lost; remove that folder to start anew")
    made_by = (data / "PG_VERSION").read_text("ascii").strip()
    here = run([binaries / "postgres", "--version"], seconds=30).split()[2].split(".")[0]
    if made_by != here:
        raise ToolError(
            f"the data in {data} were made by PostgreSQL {made_by} and this is {here}; "
            "remove that folder to start anew (what it holds is lost)"
        )


def _launch(profile: Profile, binaries: Path, owner: Account, data: Path, port: int) -> ServiceState:
    settings = {**_SETTINGS, "port": str(port), **(_TEST_SETTINGS if profile.for_tests else {})}
    return launch(
        profile,
        SERVICE,
        [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
        {ports.POSTGRES.name: port},
        environment=_ENVIRONMENT,
        cwd=Path("/"),
        data=data,
        user=owner.user,
        group=owner.group,
    )


def _accepts(profile: Profile, port: int) -> bool:
    """A server that recovers from a crash listens before it lets anyone in."""
    if not ports.is_open(port):
        return False
    try:
        ping_server(profile, port)
    except ToolError:
        return False
    return True
