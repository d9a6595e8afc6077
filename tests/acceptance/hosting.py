"""A devhost process with a client for it, and what stands behind it in the database and the queues."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import psycopg
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient
from psycopg.rows import dict_row

from config import Settings
from schema.queues import ALL_QUEUES
from tests.support.services import PostgresServer, StorageAccount

REPOSITORY = Path(__file__).parents[2]
TRIAL_APP = Path(__file__).parent / "trial_app"
MASTER_KEY = "master-key-of-the-tests"
FUNCTION_KEY = "function-key-of-the-tests"

# Ahead of PYTHONPATH and of the current folder, which ``-m`` would put first.
_START_HOST = (
    "import sys; sys.path[:0] = [sys.argv.pop(1)]; from devhost.__main__ import main; sys.exit(main())"
)
# The storage emulator answers nobody while it clears away deleted messages, up to half a minute after many.
_START_SECONDS = 90.0
_STOP_SECONDS = 90.0
_FINAL = {"completed", "completed_with_errors", "failed", "cancelled"}
_SETTINGS_OF_OTHERS = ("AzureWebJobsStorage", "WEBSITE_", "CONTAINER_APP", "DEVHOST_", "GEOJOBS_", "PYTHON")


def eventually(condition: Callable[[], Any], seconds: float = 90.0, every: float = 0.02) -> Any:
    """Wait until the condition gives something true, and return that; fail when it does not in time."""
    deadline = monotonic() + seconds
    tick = threading.Event()
    while not (found := condition()):
        assert monotonic() < deadline, "the condition did not come true in time"
        tick.wait(every)
    return found


class HostProcess:
    """``python -m devhost`` in a folder of its own for ``host.json`` and state, on this checkout's app or on
    one that stands in for it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], app: Path = REPOSITORY) -> None:
        self.folder = folder
        self.app = app
        self.log = folder / "host.log"
        self._errors = folder / "host.err"
        with self.log.open("ab") as out, self._errors.open("ab") as err:
            self._begun = out.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START_HOST, str(app), "--port", "0"],
                cwd=folder,
                env={**_clean_environment(), "PYTHONPATH": str(REPOSITORY), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def url(self) -> str:
        """Where the app is served, once it is."""
        return eventually(self._started, _START_SECONDS)["url"]

    def records(self, message: str | None = None, **facts: object) -> list[dict[str, Any]]:
        """What this process has logged, with this message and these facts if any are given."""
        with self.log.open("rb") as file:
            file.seek(self._begun)
            lines = file.read().decode().splitlines(keepends=True)
        found = (json.loads(line) for line in lines if line.endswith("\n"))
        return [
            record
            for record in found
            if (message is None or record["message"] == message)
            and all(record.get(name) == value for name, value in facts.items())
        ]

    def output(self) -> str:
        """All that was written, on both streams."""
        return self.log.read_text() + self._errors.read_text()

    def terminate(self) -> int:
        """SIGTERM, then the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGUSR1)  # it writes down where its threads stand
            eventually(lambda: "most recent call first" in self._errors.read_text(), 10.0)
            raise AssertionError(f"the host did not stop:\n{self.output()[-8000:]}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(_STOP_SECONDS)

    def close(self) -> None:
        """A host that still runs must end well."""
        if self.process.poll() is not None:
            return
        try:
            code = self.terminate()
        finally:
            self.kill()
        assert code == 0, f"the host ended with {code}:\n{self.output()[-4000:]}"

    def _started(self) -> dict[str, Any] | None:
        """One that has started may have met its end already, where that is what it was started for."""
        alive = self.process.poll() is None
        started = next(iter(self.records("host started")), None)
        assert started or alive, f"the host did not start:\n{self.output()[-4000:]}"
        return started


class Host:
    """A running host: its routes, its log, and the database and storage account that are its own."""

    def __init__(
        self, process: HostProcess, server: PostgresServer, database: str, account: StorageAccount
    ) -> None:
        self.process = process
        self.account = account
        self._server = server
        self.database = database
        self.http = new_client(process.url())
        self._session = self.connect()
        # a plan would outlive the schema that it was made for
        self._session.prepare_threshold = None

    def submit(self, job_type: str = "hello_world", **parameters: Any) -> str:
        """Submit a job that does not exist yet; returns its id."""
        answer = self.http.post(f"jobs/submit/{job_type}", json=parameters)
        assert answer.status_code == 202, answer.text
        return answer.json()["job_id"]

    def status(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"jobs/status/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def wait(self, job_id: str, seconds: float = 90.0) -> dict[str, Any]:
        """The job's status once it is final; asked for every 20 ms."""

        def final() -> dict[str, Any] | None:
            status = self.status(job_id)
            return status if status["status"] in _FINAL else None

        return eventually(final, seconds)

    def run(self, job_type: str = "hello_world", seconds: float = 90.0, **parameters: Any) -> dict[str, Any]:
        """Submit a job and wait for its end."""
        return self.wait(self.submit(job_type, **parameters), seconds)

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What the host's own database answers."""
        with self._session.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement.encode(), values).fetchall()

    def let_go(self, salt: str) -> None:
        """Tasks of a trial that hold on go on, and those that are broken succeed from now on."""
        (self.process.folder / f"go-{salt}").touch()

    def sweep(self) -> str:
        """Sweep at once; a trial's host only."""
        answer = self.http.post("trial/sweep")
        assert answer.status_code == 200, answer.text
        return answer.text

    def wait_for_rows(self, statement: str, *values: object, seconds: float = 90.0) -> None:
        eventually(lambda: self.rows(statement, *values), seconds)

    def wait_for_no_rows(self, statement: str, *values: object, seconds: float = 90.0) -> None:
        eventually(lambda: not self.rows(statement, *values), seconds)

    def execute(self, statement: str, *values: object) -> None:
        self._session.execute(statement.encode(), values)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of its own; the caller closes it."""
        return self._server.connect(self.database)

    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        return self.rows("select * from app.tasks where job_id = %s order by run, stage, position", job_id)

    def queue(self, name: str) -> QueueClient:
        """A queue, its messages as they travel; the caller closes it."""
        assert name in ALL_QUEUES
        return QueueClient.from_connection_string(self.account.connection_string, name)

    def depth(self, name: str) -> int:
        """How many messages a queue holds, hidden ones too; none where it is not there."""
        with self.queue(name) as queue:
            try:
                return queue.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0

    def blobs(self) -> BlobServiceClient:
        """The caller closes it."""
        return BlobServiceClient.from_connection_string(self.account.connection_string)

    def close(self) -> None:
        self.http.close()
        self._session.close()
        self.process.close()


def new_client(url: str, connections: int = 20) -> httpx.Client:
    return httpx.Client(
        base_url=url,
        timeout=60.0,
        trust_env=False,
        verify=False,  # noqa: S501 -- plain HTTP on loopback; loading the authorities' certificates takes long
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


def write_host_json(folder: Path, **queues: Any) -> None:
    """The app's own ``host.json``, its queue settings changed by keyword."""
    settings = json.loads((REPOSITORY / "host.json").read_text("utf-8"))
    settings["extensions"]["queues"].update(queues)
    folder.mkdir(exist_ok=True)
    (folder / "host.json").write_text(json.dumps(settings))


def encoded(body: bytes) -> str:
    return base64.b64encode(body).decode()


def decoded(content: str) -> bytes:
    return base64.b64decode(content)


def _clean_environment() -> dict[str, str]:
    """Without the settings of another app and of the test run itself."""
    own = {name.upper() for name in Settings.model_fields}
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in own and not name.startswith(_SETTINGS_OF_OTHERS)
    }
