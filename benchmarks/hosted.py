"""Orchestration through a real queue, with one local host that runs the app in a process of its own."""

import argparse
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.in_process import job_status
from benchmarks.noop import JOB_TYPE
from benchmarks.servers import fresh_environment
from repositories.postgres import Database
from schema.states import FINAL_JOB_STATES, JobStatus
from tests.conftest import postgres_address
from tests.support.services import Services

_ROOT = Path(__file__).parent.parent
_START_HOST = (
    "import sys; sys.path[:0] = [sys.argv.pop(1)]; from devhost.__main__ import main; sys.exit(main())"
)
_HAND_OVERS = """
select extract(epoch from b.started - a.finished) as seconds
  from (select job_id, stage, max(finished_at) as finished from app.tasks group by 1, 2) a
  join (select job_id, stage, min(started_at) as started from app.tasks group by 1, 2) b
    on b.job_id = a.job_id and b.stage = a.stage + 1
  join app.jobs j on j.job_id = a.job_id and j.parameters ->> 'salt' like 'small%%'
"""


def measure_hosted(services: Services, arguments: argparse.Namespace) -> dict[str, Any]:
    """The main job between two measurements of the bare queue, then small jobs on the idle host."""
    with fresh_environment(services) as environment:
        total = arguments.tasks * arguments.stages
        raw_before = _raw(services, total, arguments.max_parallel)
        environment["BENCHMARK_MAX_PARALLEL_TASKS"] = str(arguments.max_parallel)
        with _host(environment) as client:
            database = Database(postgres_address(services.postgres, environment["POSTGRES_DB"]), 1)
            _run(client, database, 24, 1, "warm")
            before = _round_trips(client)
            seconds = _run(client, database, arguments.tasks, arguments.stages, "measured")
            asked = _round_trips(client) - before
            small = _small_jobs(client, database)
            hand_overs = [float(row["seconds"]) for row in database.fetch_all(_HAND_OVERS)]
            database.close()
        raw_after = _raw(services, total, arguments.max_parallel)
    rate, raw = total / seconds, statistics.mean((raw_before, raw_after))
    return {
        "seconds": round(seconds, 2),
        "tasks_per_second": round(rate, 1),
        "database_round_trips_per_task": round(asked / total, 2),
        "raw_queue_messages_per_second": [raw_before, raw_after],
        "share_of_raw_queue": round(rate / raw, 2),
        "hand_over_seconds": _spread(hand_overs),
        **small,
    }


def _raw(services: Services, messages: int, depth: int) -> float:
    """Messages a second with the host's batch size and concurrency, in a process of its own."""
    queues = json.loads((_ROOT / "host.json").read_text("utf-8"))["extensions"]["queues"]
    batch = queues["batchSize"]
    printed = subprocess.run(
        [
            sys.executable,
            *("-m", "benchmarks.raw_queue", services.next_account().connection_string),
            *(str(value) for value in (messages, depth, batch, batch + queues["newBatchThreshold"])),
        ],
        cwd=_ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=1_800,
    ).stdout
    return float(json.loads(printed)["messages_per_second"])


@contextmanager
def _host(environment: dict[str, str]) -> Generator[httpx.Client]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START_HOST, str(_ROOT / "benchmarks" / "noop_app"), "--port", str(port)],
            cwd=_ROOT,
            env={**environment, "PYTHONPATH": str(_ROOT)},
            stdout=log,
            stderr=log,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", timeout=30) as client:
                _wait_until_live(client, process)
                yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _wait_until_live(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/health/live").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError("the host did not come up")


def _run(client: httpx.Client, database: Database, tasks: int, stages: int, salt: str) -> float:
    """Seconds from the submission to the job's end."""
    started = time.perf_counter()
    job_id = _submit(client, tasks, stages, salt)
    while (status := job_status(database, job_id)) not in FINAL_JOB_STATES:
        time.sleep(0.02)
    if status != JobStatus.COMPLETED:
        raise RuntimeError(f"the job ended {status}")
    return time.perf_counter() - started


def _submit(client: httpx.Client, tasks: int, stages: int, salt: str) -> str:
    answer = client.post(f"/jobs/submit/{JOB_TYPE}", json={"tasks": tasks, "stages": stages, "salt": salt})
    answer.raise_for_status()
    return str(answer.json()["job_id"])


def _round_trips(client: httpx.Client) -> int:
    return int(client.get("/benchmark/round-trips").text)


def _small_jobs(client: httpx.Client, database: Database) -> dict[str, Any]:
    three = [_run(client, database, 3, 2, f"small three {number}") for number in range(20)]
    thirty = [_run(client, database, 30, 2, f"small thirty {number}") for number in range(10)]
    submitting: list[float] = []
    for number in range(50):
        started = time.perf_counter()
        _submit(client, 1, 1, f"submitted {number}")
        submitting.append(time.perf_counter() - started)
    return {
        "submit_seconds": _spread(submitting),
        "job_of_2_x_3_tasks_seconds": _spread(three),
        "job_of_2_x_30_tasks_seconds": _spread(thirty),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 3),
        "max": round(ordered[-1], 3),
    }
