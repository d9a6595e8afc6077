"""Measures what traces cost the tasks that they are taken of; prints JSON.

    ./dev bench tracing --tasks 1000 --rounds 5

Runs in turn without a destination, with an OTLP endpoint, and with Application Insights, both played by a
server in a process of its own that takes everything. ``cpu_ms_per_task`` counts all threads of the app's
process, those that export included, and says more than the throughput where the machine has other work.
"""

import argparse
import http.server
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from benchmarks.in_process import InProcess
from benchmarks.servers import fresh_environment
from tests.support.services import VARIABLE, Services

_STAGES = 2


class _TakesAll(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = b'{"itemsReceived": 1, "itemsAccepted": 1, "errors": []}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, ARG002 -- the base class has it so
        return


def _serve(told: Connection) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _TakesAll)
    told.send(server.server_port)
    server.serve_forever()


@contextmanager
def _collector() -> Generator[str]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=[there], daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}"
    finally:
        process.terminate()
        process.join()


def _destinations(url: str) -> dict[str, dict[str, str]]:
    insights = f"InstrumentationKey={UUID(int=1)};IngestionEndpoint={url}/"
    return {
        "none": {},
        "otlp": {"OTEL_EXPORTER_OTLP_ENDPOINT": url},
        "application insights": {"APPLICATIONINSIGHTS_CONNECTION_STRING": insights},
    }


def _measure(services: Services, settings: dict[str, str], tasks: int, threads: int) -> tuple[float, float]:
    """Seconds and seconds of CPU for each task, the last export included."""
    with fresh_environment(services) as environment:
        process = InProcess(services, {**environment, **settings}, 200)
        try:
            process.start(threads)
            begun = time.process_time()
            seconds = process.run(tasks, _STAGES, "measured")
        finally:
            process.close()
        used = time.process_time() - begun
    return seconds / (tasks * _STAGES), used / (tasks * _STAGES)


def main() -> None:
    arguments = _arguments()
    services = Services(json.loads(os.environ[VARIABLE]))
    with _collector() as url:
        destinations = _destinations(url)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in destinations}
        for _ in range(arguments.rounds):
            for name, settings in destinations.items():
                taken[name].append(_measure(services, settings, arguments.tasks, arguments.threads))
    report: dict[str, Any] = {"tasks": arguments.tasks * _STAGES, "rounds": arguments.rounds}
    usual = statistics.median(cpu for _, cpu in taken["none"])
    for name, measured in taken.items():
        cpu = statistics.median(used for _, used in measured)
        report[name] = {
            "tasks_per_second": round(1 / statistics.median(seconds for seconds, _ in measured), 1),
            "cpu_ms_per_task": round(cpu * 1000, 3),
            "cpu_ratio": round(cpu / usual, 3),
        }
    print(json.dumps(report, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1_000, help="tasks in each of two stages")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
