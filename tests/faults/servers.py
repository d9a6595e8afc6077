"""Servers of a trial's own, which it may stop and start as it likes."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

import psycopg

from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from tests.acceptance.hosting import eventually
from tests.conftest import postgres_address
from tests.faults.trial import prepare
from tests.support.services import PostgresServer, StorageAccount
from tools.azurite import WELL_KNOWN, installed
from tools.ports import BLOB, HOST, POSTGRES, QUEUE, TABLE, free, is_open
from tools.postgres_account import account
from tools.postgres_install import postgres_binaries

DATABASE = "geojobs"
_USER = "geojobs"
_SECONDS = 60.0


class OwnPostgres:
    """A PostgreSQL with one migrated database, in a folder that goes with it."""

    def __init__(self) -> None:
        self._owner = account()
        self._binaries = postgres_binaries()
        self._port = free()[POSTGRES.name]
        # not pytest's own folder, which the server's user may not enter
        self._folder = Path(tempfile.mkdtemp(prefix="geojobs-faults-"))
        self._owner.give(self._folder)
        self._data = self._folder / "data"
        self.server = PostgresServer(HOST, self._port, _USER, "unused")
        self._run("initdb", "--auth=trust", f"--username={_USER}", "--encoding=UTF8", "--no-sync")
        self.start()
        self.server.create_database(DATABASE)
        database = Database(postgres_address(self.server, DATABASE), max_size=1)
        try:
            SchemaRepository(database).migrate()
        finally:
            database.close()
        with self.server.connect(DATABASE) as connection:
            prepare(connection)

    def start(self) -> None:
        """Returns when it lets clients in."""
        settings = {
            "listen_addresses": HOST,
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",
            "timezone": "UTC",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *options],
                cwd="/",
                user=self._owner.user,
                group=self._owner.group,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._accepts, _SECONDS)

    def stop_immediately(self) -> None:
        """Without a farewell to its clients, and to be recovered from its log at the next start."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(_SECONDS)

    def close(self) -> None:
        if self._process.poll() is None:
            self.stop_immediately()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *options: str) -> None:
        subprocess.run(
            [self._binaries / program, "-D", self._data, *options],
            cwd="/",
            user=self._owner.user,
            group=self._owner.group,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            check=True,
            capture_output=True,
            timeout=_SECONDS,
        )

    def _accepts(self) -> bool:
        if not is_open(self._port):
            return False
        try:
            self.server.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True


class OwnAzurite:
    """An Azurite that keeps its data over a restart, in the folder that it is given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"azurite-{uuid4().hex[:8]}"
        self._folder.mkdir()
        numbers = free()
        self._ports = {"blob": numbers[BLOB.name], "queue": numbers[QUEUE.name], "table": numbers[TABLE.name]}
        endpoints = "".join(
            f"{kind.capitalize()}Endpoint=http://{HOST}:{port}/{WELL_KNOWN.name};"
            for kind, port in self._ports.items()
        )
        self.account = StorageAccount(
            WELL_KNOWN.name,
            f"DefaultEndpointsProtocol=http;AccountName={WELL_KNOWN.name};"
            f"AccountKey={WELL_KNOWN.key};{endpoints}",
        )
        self.start()

    def start(self) -> None:
        """Returns when all its services listen."""
        options = ["--skipApiVersionCheck", "--disableTelemetry", "--silent", "--location", self._folder]
        for kind, port in self._ports.items():
            options += [f"--{kind}Host", HOST, f"--{kind}Port", str(port)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*installed(), *options],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(lambda: all(map(is_open, self._ports.values())), _SECONDS)

    def stop(self) -> None:
        """It writes down what it has, as a real service would have done at once."""
        self._process.terminate()
        self._process.wait(_SECONDS)

    def kill(self) -> None:
        """What it has not written down yet, messages of the last seconds, is lost."""
        self._process.kill()
        self._process.wait(_SECONDS)

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
