"""Microsoft's own runtime library loads this app and runs its functions, as the deployed worker does.

It exists for Python 3.13 alone: elsewhere these tests are skipped. Its environment is kept under ``.local/``.
"""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from repositories.jobs import PostgresJobRepository
from repositories.postgres import Database
from repositories.stages import StageCompletionRepository
from schema.messages import JobQueueMessage
from schema.queues import ALL_QUEUES, JOB_QUEUE
from schema.states import JobStatus, StageStatus
from tools.paths import LOCAL, ROOT
from tools.profiles import locked
from tools.shell import run

_LIBRARY = "azure-functions-runtime~=1.3"
_HOME = LOCAL / "functions-runtime"
_PYTHON = _HOME / "bin" / "python"
_STAMP = _HOME / "made-from.sha256"

pytestmark = pytest.mark.timeout(900)  # the environment's first installation downloads all requirements


def _is_3_13(candidate: Path) -> bool:
    """Whether it really runs: a pyenv shim of that name may refuse to."""
    show = [candidate, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        done = subprocess.run(show, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return False
    return done.stdout.split() == ["3", "13"]


def _find_python() -> Path | None:
    on_path = shutil.which("python3.13")
    candidates = [Path(on_path)] if on_path else []
    candidates += sorted((Path.home() / ".pyenv" / "versions").glob("3.13*/bin/python"))
    return next((candidate for candidate in candidates if _is_3_13(candidate)), None)


@pytest.fixture(scope="module")
def runtime_python() -> Path:
    """A Python 3.13 with the app's requirements and the runtime library."""
    found = _find_python()
    if found is None:
        pytest.skip("no Python 3.13 on this machine, and the runtime library exists for no other")
    requirements = ROOT / "requirements.txt"
    made_from = f"{found.resolve()} {_LIBRARY} {hashlib.sha256(requirements.read_bytes()).hexdigest()}"
    with locked(LOCAL / "functions-runtime.lock"):
        if not _STAMP.exists() or _STAMP.read_text("utf-8") != made_from:
            run([found, "-m", "venv", "--clear", _HOME], seconds=120)
            install = [_PYTHON, "-m", "pip", "install", "--quiet", "-r", requirements, _LIBRARY]
            run(install, seconds=700)
            _STAMP.write_text(made_from, "utf-8")
    return _PYTHON


def _play(python: Path, environment: dict[str, str], *invocations: dict[str, Any]) -> dict[str, Any]:
    printed = run(
        [python, "-m", "tests.support.functions_runtime", ROOT],
        seconds=60,
        environment={"PYTHONDONTWRITEBYTECODE": "1", **environment},
        text_in=json.dumps(invocations),
    )
    answered: dict[str, Any] = json.loads(printed)
    return answered


def _http(function: str, method: str, path: str, body: str = "", **params: str) -> dict[str, Any]:
    url = f"http://localhost:7071/api/{path}"
    data = {"http": {"method": method, "url": url, "params": params, "body": body}}
    return {"function": function, "argument": "req", "data": data}


def _job_message(body: str) -> dict[str, Any]:
    return {
        "function": "process_job_message",
        "argument": "msg",
        "data": {"bytes": body},
        "metadata": {"Id": {"string": "message-1"}, "DequeueCount": {"json": "1"}},
    }


def test_the_runtime_indexes_every_function_and_runs_one(
    runtime_python: Path, app_environment: dict[str, str]
) -> None:
    played = _play(runtime_python, app_environment, _http("health_live", "GET", "health/live"))

    assert played["answers"] == [{"failure": None, "status": 200, "body": '{"status":"live"}'}]
    triggers = played["triggers"].values()
    queues = {trigger["queueName"] for trigger in triggers if trigger["type"] == "queueTrigger"}
    assert queues == set(ALL_QUEUES)
    assert sum(trigger["type"] == "timerTrigger" for trigger in triggers) == 4
    assert played["triggers"]["submit_job"]["route"] == "jobs/submit/{job_type}"


def test_the_runtime_submits_a_job_and_a_queue_message_opens_its_first_stage(
    runtime_python: Path, app_environment: dict[str, str], database: Database
) -> None:
    submit = _http("submit_job", "POST", "jobs/submit/hello_world", '{"n": 2}', job_type="hello_world")
    job_id = json.loads(_play(runtime_python, app_environment, submit)["answers"][0]["body"])["job_id"]
    message = JobQueueMessage(job_id=job_id, run=1, stage=1, correlation_id="runtime")

    played = _play(runtime_python, app_environment, _job_message(message.model_dump_json(exclude_none=True)))

    assert played["answers"] == [{"failure": None}]
    job = PostgresJobRepository(database).get(job_id)
    assert job is not None
    assert job.status is JobStatus.PROCESSING
    stage = StageCompletionRepository(database).get(job_id, 1, 1)
    assert stage is not None
    assert (stage.status, stage.expected) == (StageStatus.OPEN, 2)


def test_the_worker_s_log_lines_are_json_with_the_ids(
    runtime_python: Path, app_environment: dict[str, str]
) -> None:
    submit = _http("submit_job", "POST", "jobs/submit/hello_world", '{"n": 2}', job_type="hello_world")
    submit["data"]["http"]["headers"] = {"X-Correlation-ID": "runtime"}

    played = _play(runtime_python, app_environment, submit)

    lines = [json.loads(line) for line in played["logs"] if line.startswith("{")]
    (submitted,) = [line for line in lines if line["message"] == "job submitted"]
    assert (submitted["level"], submitted["correlation_id"]) == ("INFO", "runtime")
    assert submitted["job_id"] == json.loads(played["answers"][0]["body"])["job_id"]


def test_a_message_that_is_no_text_reaches_the_app_and_goes_on_record(
    runtime_python: Path, app_environment: dict[str, str], database: Database
) -> None:
    played = _play(runtime_python, app_environment, _job_message("\xff\xfe"))

    assert "MessageExtractionError" in played["answers"][0]["failure"]
    letters = database.fetch_all("select queue, message_id, error_code from app.dead_letters")
    assert letters == [{"queue": JOB_QUEUE, "message_id": "message-1", "error_code": "MESSAGE_NOT_EXTRACTED"}]


def test_a_message_of_a_poison_queue_reaches_the_app_and_is_judged(
    runtime_python: Path, app_environment: dict[str, str], database: Database
) -> None:
    call = {**_job_message("cGxhaW4="), "function": "judge_poison_job_message"}
    played = _play(runtime_python, app_environment, call)

    assert played["answers"] == [{"failure": None}]
    letters = database.fetch_all("select queue, body, verdict from app.dead_letters")
    assert letters == [{"queue": JOB_QUEUE, "body": "plain", "verdict": "unknown"}]
