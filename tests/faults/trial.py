"""A host of the trials' app under supervision: it is armed, dies, is started again, and is looked into."""

import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, LiteralString
from uuid import uuid4

import httpx
import psycopg
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient
from psycopg.rows import dict_row

from schema.identity import job_id_of
from schema.queues import ALL_QUEUES
from tests.acceptance.hosting import HostProcess, eventually, new_client, write_host_json
from tests.conftest import environment_of
from tests.faults import points
from tests.faults.jobs import SCHEMA, STURDY, TrialJobParameters
from tests.faults.points import Action, Fault
from tests.faults.troubled_queue import Noted, noted
from tests.support.services import PostgresServer, StorageAccount

SWEPT = {"UNCLAIMED_AFTER_SECONDS": "1.5"}
"""The host hides messages in work for its ten minutes, as deployed: the sweep is what repairs."""

THRICE = {"TRIAL_COPIES": "3", "TRIAL_DELAYED": "0.2"}
"""Every message comes three times, some of them late, so that their order is another."""

REDELIVERED = {"AzureWebJobs_trial_sweep_Disabled": "1", "TRIAL_HIDDEN_SECONDS": "2"}
"""No sweep, but messages that come again after two seconds: the redelivery is what repairs."""

_FINAL = ("completed", "completed_with_errors", "failed", "cancelled")
_APP = Path(__file__).parent / "app"
_ALWAYS_OFF = {"AzureWebJobs_sweep_Disabled": "1", "AzureWebJobs_relay_outbox_Disabled": "1"}
_SHORTER_CLAIMS: LiteralString = """
do $$
declare v_definition text;
begin
    for v_definition in
        select pg_get_functiondef(p.oid) from pg_proc p join pg_namespace n on n.oid = p.pronamespace
         where n.nspname = 'app' and p.prosrc like '%''1 minute''%'
    loop
        execute replace(v_definition, '''1 minute''', '''2 seconds''');
    end loop;
end $$
"""


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Tables for the traces of tasks; a claim of outbox rows lasts two seconds instead of a minute."""
    connection.execute(SCHEMA)
    connection.execute(_SHORTER_CLAIMS)


class Trial:
    """One host on a database and an account of its own. ``environment`` says what troubles it."""

    def __init__(
        self,
        server: PostgresServer,
        database: str,
        account: StorageAccount,
        folder: Path,
        environment: dict[str, str],
    ) -> None:
        self.folder = folder
        self.account = account
        self._server = server
        self._database = database
        self._given = environment
        write_host_json(folder, maxDequeueCount=3, visibilityTimeout="00:00:00")
        self.raster_folder = folder / "rasters"
        self.raster_folder.mkdir(exist_ok=True)
        self._environment = {
            **environment_of(server, database, account),
            **_ALWAYS_OFF,
            "RASTER_TEMP_FOLDER": str(self.raster_folder),
            **environment,
        }
        self._session: psycopg.Connection[Any] | None = None
        self.start()

    def twin(self, folder: Path, **environment: str) -> "Trial":
        """Another host of the same app, on the same database and queues."""
        return Trial(self._server, self._database, self.account, folder, {**self._given, **environment})

    def start(self) -> None:
        """A new process, serving."""
        self.process = HostProcess(self.folder, self._environment, _APP)
        self.http = new_client(self.process.url())

    def restart(self) -> None:
        """After the process has died."""
        assert self.process.process.poll() is not None
        self.http.close()
        self.start()

    def restart_after_death(self, seconds: float = 90.0) -> None:
        """Wait for the armed fault to kill the process, then start another."""
        code = self.process.process.wait(seconds)
        assert code == -signal.SIGKILL, self.process.output()[-4000:]
        self.restart()

    def kill(self) -> None:
        self.process.kill()

    def post_and_die(self, path: str) -> None:
        """A request that the armed fault answers; then the host is started again."""
        with suppress(httpx.TransportError):
            self.http.post(path)
        self.restart_after_death()

    def resume(self) -> None:
        """Wake the process that an armed fault has suspended."""
        self.process.process.send_signal(signal.SIGCONT)

    def purge_queues(self) -> None:
        for name in ALL_QUEUES:
            with self._queue(name) as queue, suppress(ResourceNotFoundError):
                queue.clear_messages()

    def is_empty(self, *names: str) -> bool:
        """Whether no message is left in these queues, hidden ones counted."""
        return not any(map(self._depth, names))

    def messages(self) -> Counter[Noted]:
        """What became of the messages that were sent."""
        return noted(self.folder)

    def arm(
        self, point: str, job_id: str = "", *, skip: int = 0, times: int = 1, action: Action = Action.KILL
    ) -> None:
        """At the point where it has to do with the job; the ids of tasks begin with its first 8 digits."""
        points.arm(self.folder, Fault(point, job_id[:8], skip, times, action))

    def is_armed(self, point: str) -> bool:
        return points.is_armed(self.folder, point)

    def wait_until_struck(self, point: str, seconds: float = 90.0) -> None:
        eventually(lambda: not self.is_armed(point), seconds)

    def submit(self, job_type: str = STURDY, **parameters: Any) -> str:
        """The job's id, whether the host lived to say it or not."""
        body = {"salt": uuid4().hex, **parameters}
        with suppress(httpx.TransportError):
            answer = self.http.post(f"jobs/submit/{job_type}", json=body)
            assert answer.status_code in (200, 202), answer.text
        return id_of(job_type, body)

    def wait(self, job_id: str, seconds: float = 90.0) -> str:
        """The job's final status, as the database has it."""

        def final() -> str | None:
            status = self.value("select status::text from app.jobs where job_id = %s", job_id)
            return status if status in _FINAL else None

        try:
            return eventually(final, seconds)
        except AssertionError as exc:
            raise AssertionError(f"the job did not end:\n{self.described(job_id)}") from exc

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """What the database answers, asked once more where the server was away meanwhile."""
        try:
            return self._rows(statement, values)
        except psycopg.OperationalError:
            return self._rows(statement, values)

    def value(self, statement: str, *values: object) -> Any:
        """The first column of the first row, ``None`` without one."""
        found = self.rows(statement, *values)
        return next(iter(found[0].values())) if found else None

    def execute(self, statement: str, *values: object) -> None:
        self.session().execute(statement.encode(), values)

    def session(self) -> psycopg.Connection[Any]:
        if self._session is None or self._session.closed or self._session.broken:
            self._session = self._server.connect(self._database)
            # a plan would outlive the functions that a trial replaces
            self._session.prepare_threshold = None
        return self._session

    def tasks(self, job_id: str) -> list[dict[str, Any]]:
        return self.rows("select * from app.tasks where job_id = %s order by run, stage, position", job_id)

    def executed(self, job_id: str) -> bool:
        """Whether a task of the job has begun."""
        return bool(
            self.rows("select 1 from trial.executions where task_id like %s limit 1", f"{job_id[:8]}%")
        )

    def events(self, job_id: str, entity: str, event: str) -> list[dict[str, Any]]:
        return self.rows(
            "select * from app.job_events where job_id = %s and entity = %s and event = %s order by event_id",
            job_id,
            entity,
            event,
        )

    def described(self, job_id: str) -> str:
        """What a failed trial shows of its job."""
        lines = [str(self.rows("select status, stage, run, error from app.jobs where job_id = %s", job_id))]
        lines += [
            str(row)
            for row in self.rows(
                "select stage, status, ending, closing_at from app.stages where job_id = %s", job_id
            )
        ]
        lines += [
            f"{task['task_index']} of {task['stage']}: {task['status']}, attempt {task['attempt']}, "
            f"lease to {task['lease_expires_at']}, not before {task['not_before']}"
            for task in self.tasks(job_id)
            if task["status"] not in _FINAL
        ]
        lines += [str(row) for row in self.rows("select * from app.outbox where job_id = %s", job_id)]
        return "\n".join([*lines, self.process.output()[-3000:]])

    def _rows(self, statement: str, values: Sequence[object]) -> list[dict[str, Any]]:
        with self.session().cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement.encode(), values).fetchall()

    def _queue(self, name: str) -> QueueClient:
        return QueueClient.from_connection_string(self.account.connection_string, name)

    def _depth(self, name: str) -> int:
        with self._queue(name) as queue:
            try:
                return queue.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0

    def close(self) -> None:
        self.http.close()
        self.process.kill()
        if self._session is not None:
            self._session.close()


def id_of(job_type: str, body: dict[str, Any]) -> str:
    """The id of a job before it is submitted."""
    return job_id_of(job_type, TrialJobParameters.model_validate(body).model_dump(mode="json"))


def assert_complete(trial: Trial, job_ids: Sequence[str], seconds: float = 90.0) -> None:
    """Every job completes, with every task's effect published once, whatever happened on the way."""
    deadline = monotonic() + seconds
    for job_id in job_ids:
        assert trial.wait(job_id, max(1.0, deadline - monotonic())) == "completed", trial.described(job_id)
        assert_done_once(trial, job_id)
    eventually(lambda: not trial.rows("select 1 from app.outbox where job_id = any(%s)", list(job_ids)), 10)


def assert_done_once(trial: Trial, job_id: str) -> None:
    """No stage and no task of the completed job came to its end twice, and no attempt ran twice."""
    parameters = trial.value("select parameters from app.jobs where job_id = %s", job_id)
    tasks = trial.tasks(job_id)
    assert [task["status"] for task in tasks] == ["completed"] * parameters["tasks"] * parameters["stages"]
    once = {task["task_id"]: 1 for task in tasks}
    completions = Counter(event["task_id"] for event in trial.events(job_id, "task", "completed"))
    assert completions == once
    for event in ("opened", "last_task_finished", "settled"):
        stages = [row["stage"] for row in trial.events(job_id, "stage", event)]
        assert stages == list(range(1, parameters["stages"] + 1)), event
    assert len(trial.events(job_id, "job", "completed")) == 1
    assert_effects(trial, tasks)


def assert_effects(trial: Trial, tasks: Sequence[dict[str, Any]]) -> None:
    """One effect for each task, and its published result is that of the attempt which the row names."""
    ids = [task["task_id"] for task in tasks]
    effects = trial.rows("select task_id, attempt from trial.effects where task_id = any(%s)", ids)
    assert sorted(effect["task_id"] for effect in effects) == sorted(ids)
    runs = trial.rows(
        "select task_id, attempt, count(*) as times from trial.executions"
        " where task_id = any(%s) group by 1, 2",
        ids,
    )
    assert {run["times"] for run in runs} == {1}
    executed = {(run["task_id"], run["attempt"]) for run in runs}
    for task in tasks:
        assert task["result"]["attempt"] == task["attempt"]
        assert (task["task_id"], task["attempt"]) in executed
