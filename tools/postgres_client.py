"""Talks to a profile's PostgreSQL through ``psql``: prepares it, asks whether it answers, opens a shell."""

import os
from pathlib import Path

from tools import ports
from tools.postgres_install import postgres_binaries
from tools.profiles import Profile
from tools.shell import clean_environment, run

DATABASE = USER = "geojobs"
READER = "geojobs_reader"
SUPERUSER = "postgres"
_PREPARE = Path(__file__).parent / "sql" / "prepare.sql"


def password(profile: Profile) -> str:
    """Of the role ``geojobs``."""
    return profile.secret("postgres_user")


def superuser_password(profile: Profile) -> str:
    return profile.secret("postgres_superuser")


def ping(profile: Profile, port: int) -> None:
    """Raises ``ToolError`` where the role ``geojobs`` cannot use its database."""
    command, environment = shell(profile, port)
    run([*command, "--no-psqlrc", "--command=select 1"], seconds=20, environment=environment)


def shell(profile: Profile, port: int) -> tuple[list[str], dict[str, str]]:
    """The command and environment of ``psql`` as the role ``geojobs``."""
    command = _command(port, USER, DATABASE)
    return command, clean_environment({"PGPASSWORD": password(profile), "PGCONNECT_TIMEOUT": "5"})


def ping_server(profile: Profile, port: int) -> None:
    """Raises ``ToolError`` where the superuser cannot connect."""
    _as_superuser(profile, port, "select 1")


def prepare(profile: Profile, port: int) -> None:
    """Roles, database and extension. For tests the role may do all: they make databases and extensions."""
    _as_superuser(profile, port, _PREPARE.read_text("utf-8"))


def _as_superuser(profile: Profile, port: int, statements: str) -> None:
    rights = "superuser" if profile.for_tests else "nosuperuser"
    run(
        [
            *_command(port, SUPERUSER, "postgres"),
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--set=superuser={rights}",
            "--file=-",
        ],
        seconds=60,
        environment=clean_environment(
            {
                "PGPASSWORD": superuser_password(profile),
                "GEOJOBS_PASSWORD": password(profile),
                "PGCONNECT_TIMEOUT": "5",
            }
        ),
        text_in=statements,
    )


def _command(port: int, user: str, database: str) -> list[str]:
    psql = postgres_binaries() / "psql"
    return [
        os.fspath(psql),
        f"--host={ports.HOST}",
        f"--port={port}",
        f"--username={user}",
        f"--dbname={database}",
    ]
