"""Measures what sweeps and heartbeats cost the tasks beside them; prints JSON.

    ./dev bench overhead --tasks 3000 --rounds 3

Runs in turn, with and without a background that sweeps once a second, sixty times as often as in earnest, and
extends 24 leases once a second, thirty times as often. What that takes off the throughput, divided by sixty,
is an upper bound of what a sweep a minute and a heartbeat each half minute take off.
"""

import argparse
import json
import os
import statistics
import threading
import time
from typing import Any
from uuid import uuid4

from benchmarks.in_process import InProcess
from benchmarks.servers import fresh_environment
from repositories.postgres import Database
from repositories.sweeps import PostgresSweepRepository
from repositories.tasks import PostgresTaskRepository
from schema.records import Heartbeat
from tests.conftest import postgres_address
from tests.support.seeding import Seeder
from tests.support.services import VARIABLE, Services

_LEASES = 24
_OFTENER = 60


class Background:
    """Sweeps and heartbeats in a thread of their own, each timed."""

    def __init__(self, database: Database) -> None:
        self._sweeps = PostgresSweepRepository(database)
        self._tasks = PostgresTaskRepository(database)
        self._beats = _held_leases(database)
        self._stop = threading.Event()
        self.sweep_seconds: list[float] = []
        self.heartbeat_seconds: list[float] = []

    def run(self) -> None:
        while not self._stop.wait(1.0):
            started = time.perf_counter()
            self._sweeps.sweep(1_000)
            swept = time.perf_counter()
            self._tasks.heartbeat(self._beats)
            self.sweep_seconds.append(swept - started)
            self.heartbeat_seconds.append(time.perf_counter() - swept)

    def stop(self) -> None:
        self._stop.set()

    def again(self) -> threading.Thread:
        self._stop.clear()
        thread = threading.Thread(target=self.run)
        thread.start()
        return thread


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=8)
    arguments = parser.parse_args()
    services = Services(json.loads(os.environ[VARIABLE]))
    with fresh_environment(services) as environment:
        process = InProcess(services, environment, 200)
        database = Database(postgres_address(services.postgres, environment["POSTGRES_DB"]), 2)
        try:
            process.start(arguments.threads)
            report = _measured(process, Background(database), arguments.tasks, arguments.rounds)
        finally:
            process.close()
            database.close()
    print(json.dumps(report, indent=2))


def _measured(process: InProcess, background: Background, tasks: int, rounds: int) -> dict[str, Any]:
    ratios: list[float] = []
    for number in range(rounds):
        alone = process.run(tasks, 2, f"alone {number}")
        thread = background.again()
        beside = process.run(tasks, 2, f"beside {number}")
        background.stop()
        thread.join()
        ratios.append(beside / alone)
    slower = statistics.median(ratios) - 1
    return {
        "time_with_background_over_time_without": [round(ratio, 3) for ratio in ratios],
        "share_of_throughput_in_earnest": round(max(0.0, slower) / _OFTENER, 5),
        "sweep_milliseconds": round(1000 * statistics.median(background.sweep_seconds), 2),
        "heartbeat_of_24_leases_milliseconds": round(
            1000 * statistics.median(background.heartbeat_seconds), 2
        ),
    }


def _held_leases(database: Database) -> list[Heartbeat]:
    seeder = Seeder(database)
    tasks = seeder.stage(seeder.job(), _LEASES)
    claimed = [seeder.tasks.claim(task_id, 1, "benchmark", uuid4()).task for task_id in tasks]
    return [Heartbeat(task.task_id, task.lease_token) for task in claimed if task is not None]


if __name__ == "__main__":
    main()
