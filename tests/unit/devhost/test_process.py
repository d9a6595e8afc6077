"""The host as a process: start, serve, stop."""

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.unit.devhost.support import HostProcess, copy_sample_app

# nothing listens there: queues are tested on a real emulator elsewhere
NOWHERE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:1/a;"
Run = Callable[..., HostProcess]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return copy_sample_app(tmp_path)


@pytest.fixture
def run(root: Path) -> Iterator[Run]:
    processes: list[HostProcess] = []

    def start(*arguments: str, **environment: str) -> HostProcess:
        processes.append(HostProcess(root, *arguments, **{"AzureWebJobsStorage": NOWHERE, **environment}))
        return processes[-1]

    yield start
    for process in processes:
        process.close()


def get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=10, trust_env=False)


@pytest.fixture
def caller() -> Iterator[ThreadPoolExecutor]:
    """For a request that is under way while something else happens."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def ended_without_answer(answer: Future[httpx.Response]) -> bool:
    error = answer.exception(20)
    return isinstance(error, httpx.TransportError) or answer.result().status_code >= 500


def failed_start(process: HostProcess) -> str:
    assert process.process.wait(timeout=20) == 1
    assert process.process.stderr is not None
    return process.process.stderr.read()


def test_it_serves_with_storage_away_and_stops_cleanly(run: Run) -> None:
    host = run()
    assert get(f"{host.url}/greet/world").text == "hello world"
    host.wait_for("timer ran")
    host.wait_for("queue could not be polled", reason="ServiceRequestError")
    assert host.end() == 0
    host.wait_for("host stopped", all_ended=True)


def test_the_start_names_every_function(run: Run) -> None:
    host = run()
    functions = host.wait_for("host started")["functions"]
    assert f"greet: GET {host.url}/greet/{{name}} (anonymous)" in functions
    assert "on_greeting: queue greetings" in functions
    assert "on_time: timer * * * * * *" in functions


def test_keys_are_kept_in_the_checkout(run: Run, root: Path) -> None:
    host = run()
    url = f"{host.url}/private"
    keys = json.loads((root / ".local" / "devhost-keys.json").read_text())
    assert get(url).status_code == 401
    assert get(url, **{"x-functions-key": keys["function"]}).text == "private"
    assert keys["function"] not in str(host.records)


def test_keys_can_be_given(run: Run, root: Path) -> None:
    host = run(DEVHOST_FUNCTION_KEY="f", DEVHOST_MASTER_KEY="m")
    assert get(f"{host.url}/private?code=m").text == "private"
    assert not (root / ".local" / "devhost-keys.json").exists()


def test_a_stop_waits_for_a_request_under_way(run: Run, caller: ThreadPoolExecutor) -> None:
    host = run()
    answer = caller.submit(get, f"{host.url}/wait?seconds=1.5")
    host.wait_for("waiting began")
    host.signal()
    assert answer.result(20).text == "False"
    assert host.process.wait(timeout=20) == 0


def test_a_stop_gives_up_after_the_grace(run: Run, caller: ThreadPoolExecutor) -> None:
    host = run("--grace", "1")
    answer = caller.submit(get, f"{host.url}/wait?seconds=30")
    host.wait_for("waiting began")
    assert host.end() == 0
    host.wait_for("host stopped", all_ended=False)
    assert ended_without_answer(answer)


def test_a_second_signal_ends_at_once(run: Run, caller: ThreadPoolExecutor) -> None:
    host = run()
    answer = caller.submit(get, f"{host.url}/wait?seconds=30")
    host.wait_for("waiting began")
    host.signal()
    host.wait_for("host stopping")
    host.signal(signal.SIGINT)
    assert host.process.wait(timeout=20) == 130
    assert ended_without_answer(answer)


def test_a_function_that_times_out_restarts_the_host(run: Run, root: Path) -> None:
    settings = json.loads((root / "host.json").read_text())
    (root / "host.json").write_text(json.dumps({**settings, "functionTimeout": "00:00:01"}))
    host = run()
    with pytest.raises(httpx.TransportError):
        get(f"{host.url}/wait?seconds=30")
    host.wait_for("function timed out", function="wait")
    again = host.wait_for("host started", count=2)
    assert get(f"{again['url']}/greet/again").text == "hello again"
    assert host.end() == 0


def test_a_bad_host_file_is_an_error_that_names_the_setting(run: Run, root: Path) -> None:
    (root / "host.json").write_text('{"version": "2.0", "extensions": {"queues": {"batchSize": 64}}}')
    assert "batchSize" in failed_start(run())


def test_a_missing_connection_is_an_error_that_names_it(run: Run) -> None:
    assert "AzureWebJobsStorage__queueServiceUri" in failed_start(run(AzureWebJobsStorage=""))


def test_an_app_that_cannot_be_imported_is_an_error_with_its_reason(run: Run, root: Path) -> None:
    (root / "function_app.py").write_text("raise RuntimeError('POSTGRES_HOST is not set')\n")
    assert "POSTGRES_HOST is not set" in failed_start(run())


def test_local_settings_are_read(run: Run, root: Path) -> None:
    values = {"DEVHOST_FUNCTION_KEY": "from-file", "DEVHOST_MASTER_KEY": "from-file"}
    (root / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    host = run(DEVHOST_MASTER_KEY="from-environment")
    statuses = [
        get(f"{host.url}/private?code={key}").status_code for key in ("from-file", "from-environment")
    ]
    assert statuses == [200, 200]
