"""The client against the real app: what its command line ends with, and what its Python interface tells."""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from geojobs_client import Entity, Event, GeoJobs, Job, NotFoundError, StateConflictError, UnauthorizedError
from geojobs_client.cli import app
from schema.queues import TASK_QUEUE
from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import FUNCTION_KEY, MASTER_KEY, REPOSITORY, Host, encoded, eventually

UNKNOWN = "0123456789abcdef" * 4

Run = Callable[..., Result]


def runner(host: Host) -> Run:
    def run(*arguments: str) -> Result:
        environment = {"GEOJOBS_URL": str(host.http.base_url), "NO_COLOR": "1"}
        return CliRunner().invoke(app, [*arguments], env=environment)

    return run


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of whoever runs the tests."""
    for name in ("GEOJOBS_URL", "GEOJOBS_KEY", "GEOJOBS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(host: Host) -> Run:
    return runner(host)


@pytest.fixture
def run_trial(trial_host: Host) -> Run:
    return runner(trial_host)


@pytest.fixture
def geojobs(host: Host) -> Iterator[GeoJobs]:
    with GeoJobs(str(host.http.base_url)) as client:
        yield client


@pytest.fixture
def trial(trial_host: Host) -> Iterator[GeoJobs]:
    with GeoJobs(str(trial_host.http.base_url)) as client:
        yield client


@pytest.fixture
def held(trial_host: Host, trial: GeoJobs) -> Iterator[str]:
    """A job that runs until it is let go or the test has ended."""
    salt = uuid4().hex
    job_id = trial.submit("trial_fast", {"act": "hold", "salt": salt}).job_id
    trial_host.wait_for_rows("select 1 from app.tasks where job_id = %s and status = 'processing'", job_id)
    yield job_id
    trial_host.let_go(salt)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package alone, as pip installs it."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    client = REPOSITORY / "client"
    subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(folder), str(client)], check=True, timeout=90
    )
    return folder


@pytest.fixture(scope="module")
def keyed(module_hosts: HostFactory) -> Host:
    return module_hosts(AUTH_MODE="keys", DEVHOST_FUNCTION_KEY=FUNCTION_KEY, DEVHOST_MASTER_KEY=MASTER_KEY)


class TestCommandLine:
    def test_a_job_is_submitted_and_waited_for(self, run: Run) -> None:
        result = run("submit", "hello_world", "n=5", f"message={uuid4().hex}", "--wait", "--json")
        assert result.exit_code == 0, result.output
        job = Job.model_validate_json(result.stdout)
        assert (job.status, job.parameters["n"]) == ("completed", 5)
        assert "stage 2/2 replies: completed, 5 of 5 tasks completed, 0 failed" in result.stderr

    def test_the_installed_command_does_so_too(self, host: Host, installed: Path) -> None:
        environment = {"PYTHONPATH": str(installed), "GEOJOBS_URL": str(host.http.base_url)}
        done = subprocess.run(
            [installed / "bin" / "geojobs", "submit", "hello_world", f"message={uuid4().hex}", "--wait"],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert (done.returncode, done.stderr.count("submitted")) == (0, 1), done.stderr
        assert "completed" in done.stdout

    def test_a_failed_job_has_its_exit_code(self, run: Run) -> None:
        result = run("submit", "hello_world", "n=3", f"message={uuid4().hex}", "fail_at=1", "--wait")
        assert result.exit_code == 3, result.output
        assert "error" in result.stdout

    def test_a_job_with_errors_has_its_exit_code(self, run_trial: Run) -> None:
        words = ["tasks=2", "first=1", "act=broken", f"salt={uuid4().hex}"]
        assert run_trial("submit", "trial_tolerant", *words, "--wait").exit_code == 5

    def test_a_cancelled_job_has_its_exit_code(self, run_trial: Run, held: str) -> None:
        cancelled = run_trial("cancel", held, "--reason", "no longer wanted", "--json")
        assert (cancelled.exit_code, json.loads(cancelled.stdout)["status"]) == (0, "cancelled")
        assert run_trial("status", held, "--wait").exit_code == 4

    def test_a_wait_that_takes_too_long_has_its_exit_code(self, run_trial: Run, held: str) -> None:
        assert run_trial("status", held, "--wait", "--timeout", "0.1").exit_code == 10

    def test_a_job_that_runs_has_no_result_and_cannot_be_rerun(self, run_trial: Run, held: str) -> None:
        assert run_trial("result", held).exit_code == 7
        assert run_trial("rerun", held).exit_code == 7

    def test_wrong_parameters_are_named(self, run: Run) -> None:
        result = run("submit", "hello_world", "n=0")
        assert result.exit_code == 2
        assert "/n: Input should be greater than or equal to 1" in result.stderr

    def test_a_callback_that_the_server_does_not_allow_is_refused(self, run: Run) -> None:
        result = run("submit", "hello_world", "--callback-url", "http://127.0.0.1/told")
        assert result.exit_code == 2
        assert "geojobs: " in result.stderr

    @pytest.mark.parametrize(
        "arguments", [("status", UNKNOWN), ("describe", "nonsense"), ("poison", "replay", "999999999")]
    )
    def test_what_is_not_there_is_not_found(self, run: Run, arguments: tuple[str, ...]) -> None:
        assert run(*arguments).exit_code == 6

    def test_a_server_that_is_away_is_unavailable(self) -> None:
        environment = {"GEOJOBS_URL": "http://127.0.0.1:9/api"}
        result = CliRunner().invoke(app, ["types"], env=environment)
        assert result.exit_code == 9
        assert "http://127.0.0.1:9/ could not be reached" in result.stderr

    def test_submitting_again_finds_the_job(self, run: Run) -> None:
        words = ("submit", "hello_world", f"message={uuid4().hex}")
        first = run(*words, "--wait", "--json")
        again = run(*words, "--json")
        assert json.loads(again.stdout)["job_id"] == json.loads(first.stdout)["job_id"]
        assert json.loads(again.stdout)["created"] is False

    def test_a_dry_run_stores_nothing(self, run: Run) -> None:
        plan = json.loads(
            run("submit", "hello_world", f"message={uuid4().hex}", "--dry-run", "--json").stdout
        )
        assert plan["first_stage_tasks"] == 3
        assert run("status", plan["job_id"]).exit_code == 6

    def test_a_job_runs_again(self, run: Run) -> None:
        job_id = run("submit", "hello_world", f"message={uuid4().hex}").stdout.strip()
        assert run("status", job_id, "--wait").exit_code == 0
        result = run("rerun", job_id, "--wait", "--json")
        assert (result.exit_code, json.loads(result.stdout)["run"]) == (0, 2)

    def test_a_failed_job_is_resumed(self, trial_host: Host, run_trial: Run) -> None:
        salt = uuid4().hex
        assert run_trial("submit", "trial_fast", "act=broken", f"salt={salt}", "--wait").exit_code == 3
        trial_host.let_go(salt)
        job_id = run_trial("submit", "trial_fast", "act=broken", f"salt={salt}").stdout.strip()
        assert run_trial("retry", job_id, "--wait").exit_code == 0

    def test_a_result_is_written_to_a_file(self, run: Run, tmp_path: Path) -> None:
        message = uuid4().hex
        job_id = run("submit", "hello_world", f"message={message}").stdout.strip()
        assert run("status", job_id, "--wait").exit_code == 0
        path = tmp_path / "result.json"
        assert run("result", job_id, "-o", str(path)).exit_code == 0
        assert json.loads(path.read_text()) == json.loads(run("result", job_id).stdout)
        assert json.loads(path.read_text())["message"] == message

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (("types",), "hello_world"),
            (("describe", "hello_world"), "how many greetings"),
            (("list", "--limit", "1"), "job_id"),
            (("health",), "database"),
            (("poison", "list"), "geospatial-tasks-poison"),
            (("poison", "process"), "processed"),
        ],
    )
    def test_what_is_read_is_shown_and_is_json_if_asked_for(
        self, run: Run, arguments: tuple[str, ...], text: str
    ) -> None:
        result = run(*arguments)
        assert (result.exit_code, text in result.stdout) == (0, True), result.output
        assert isinstance(json.loads(run(*arguments, "--json").stdout), dict)

    def test_job_types_are_completed(self, host: Host) -> None:
        environment = {
            "_GEOJOBS_COMPLETE": "complete_bash",
            "COMP_WORDS": "geojobs submit hel",
            "COMP_CWORD": "2",
            "GEOJOBS_URL": str(host.http.base_url),
        }
        result = CliRunner().invoke(app, [], env=environment, prog_name="geojobs")
        assert result.stdout.split() == ["hello_world"]

    def test_poison_is_listed_and_disposed_of(self, trial_host: Host, run_trial: Run) -> None:
        mark = uuid4().hex
        with trial_host.queue(TASK_QUEUE) as queue:
            queue.send_message(encoded(mark.encode()))
        query = "select * from app.dead_letters where body = %s and verdict is not null"
        number = str(eventually(lambda: trial_host.rows(query, mark))[0]["dead_letter_id"])
        letters = json.loads(run_trial("poison", "list", "--all", "--json").stdout)["dead_letters"]
        assert number in {str(letter["dead_letter_id"]) for letter in letters}
        assert run_trial("poison", "replay", number).exit_code == 7
        assert run_trial("poison", "dispose", number, "--json").exit_code == 0


class TestEvents:
    def test_a_job_is_followed_to_its_end(self, trial_host: Host, trial: GeoJobs) -> None:
        salt = uuid4().hex
        job_id = trial.submit("trial_fast", {"act": "hold", "salt": salt, "tasks": 3}).job_id
        seen: list[Event] = []

        def follow() -> None:
            seen.extend(trial.events(job_id, follow=True))

        follower = threading.Thread(target=follow)
        follower.start()
        trial_host.wait_for_rows(
            "select 1 from app.tasks where job_id = %s and status = 'processing'", job_id
        )
        trial_host.let_go(salt)
        follower.join(90)
        assert not follower.is_alive()
        stored = trial_host.rows("select event_id from app.job_events where job_id = %s", job_id)
        assert Counter(each.event_id for each in seen) == Counter(row["event_id"] for row in stored)
        assert (seen[-1].entity, seen[-1].to_status) == ("job", "completed")

    def test_the_command_writes_a_line_for_each(self, host: Host, run: Run) -> None:
        job_id = host.run(message=uuid4().hex)["job_id"]
        stored = host.rows("select event_id from app.job_events where job_id = %s", job_id)
        for arguments in (["--json"], ["--json", "--follow"]):
            lines = run("events", job_id, *arguments).stdout.splitlines()
            assert {json.loads(line)["event_id"] for line in lines} == {row["event_id"] for row in stored}
        assert "queued -> processing" in run("events", job_id).stdout

    def test_those_of_a_run_and_an_entity_are_told_apart(self, host: Host, geojobs: GeoJobs) -> None:
        job_id = host.run(n=1, message=uuid4().hex)["job_id"]
        geojobs.rerun(job_id)
        geojobs.wait(job_id)
        found = list(geojobs.events(job_id, run=2, entity="stage"))
        assert {(each.run, each.entity) for each in found} == {(2, "stage")}
        kinds = {(each.run, each.entity) for each in geojobs.events(job_id)}
        assert kinds == {(run, entity) for run in (1, 2) for entity in Entity}

    def test_an_unknown_job_has_none(self, geojobs: GeoJobs) -> None:
        with pytest.raises(NotFoundError) as caught:
            list(geojobs.events(UNKNOWN))
        assert caught.value.code == "JOB_NOT_FOUND"


class TestPython:
    def test_tasks_are_read_over_pages(self, geojobs: GeoJobs) -> None:
        job = geojobs.wait(geojobs.submit("hello_world", {"n": 260, "message": uuid4().hex}).job_id)
        tasks = list(geojobs.tasks(job.job_id))
        assert len({task.task_id for task in tasks}) == 520
        assert {task.status for task in geojobs.tasks(job.job_id, stage=2)} == {"completed"}

    def test_jobs_are_filtered_by_time(self, geojobs: GeoJobs) -> None:
        job = geojobs.wait(geojobs.submit("hello_world", {"message": uuid4().hex}).job_id)
        found = [each.job_id for each in geojobs.jobs(since=job.created_at, status="completed")]
        assert job.job_id in found
        assert job.job_id not in [each.job_id for each in geojobs.jobs(until=job.created_at)]

    def test_a_conflict_says_what_is_the_matter(self, geojobs: GeoJobs) -> None:
        job = geojobs.wait(geojobs.submit("hello_world", {"message": uuid4().hex}).job_id)
        with pytest.raises(StateConflictError) as caught:
            geojobs.retry(job.job_id)
        assert (caught.value.status, caught.value.code) == (409, "JOB_STATE_CONFLICT")
        assert caught.value.correlation_id

    def test_the_result_is_that_of_the_status(self, geojobs: GeoJobs) -> None:
        job = geojobs.wait(geojobs.submit("hello_world", {"message": uuid4().hex}).job_id)
        assert geojobs.result(job.job_id) == job.result_data

    def test_a_large_result_comes_whole(self, trial: GeoJobs) -> None:
        job = trial.wait(trial.submit("trial_large", {"salt": uuid4().hex}).job_id)
        with trial.result_stream(job.job_id) as pieces:
            assert len(b"".join(pieces)) > 1_200_000


class TestKeys:
    @pytest.mark.parametrize("key", [None, "wrong"])
    def test_without_the_right_key_nothing_is_shown(self, keyed: Host, key: str | None) -> None:
        with GeoJobs(str(keyed.http.base_url), key=key) as client, pytest.raises(UnauthorizedError) as caught:
            client.job_types()
        assert "wrong" not in str(caught.value)

    def test_a_function_key_submits_and_the_master_key_cancels(self, keyed: Host) -> None:
        url = str(keyed.http.base_url)
        with GeoJobs(url, key=FUNCTION_KEY) as user, GeoJobs(url, key=MASTER_KEY) as admin:
            job_id = user.submit("hello_world", {"message": uuid4().hex}).job_id
            with pytest.raises(UnauthorizedError):
                user.cancel(job_id)
            user.wait(job_id)
            with pytest.raises(StateConflictError):
                admin.cancel(job_id)

    def test_the_command_has_an_exit_code_for_it(self, keyed: Host) -> None:
        result = runner(keyed)("--key", "wrong", "types")
        assert (result.exit_code, "wrong" in result.output) == (8, False)
