"""Measures whether the cost of a task grows with its stage; prints JSON.

    ./dev bench scaling --small 200 --large 20000

Small stages, one large stage, small stages again, as many tasks each time, on one database: what the
machine does meanwhile falls on all three.
"""

import argparse
import json
import os
from typing import Any

from benchmarks.in_process import InProcess
from benchmarks.servers import fresh_environment
from tests.support.services import VARIABLE, Services


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=int, default=200)
    parser.add_argument("--large", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--max-parallel", type=int, default=200)
    arguments = parser.parse_args()
    services = Services(json.loads(os.environ[VARIABLE]))
    with fresh_environment(services) as environment:
        process = InProcess(services, environment, arguments.max_parallel)
        try:
            process.start(arguments.threads)
            report = _measured(process, arguments)
        finally:
            process.close()
    print(json.dumps(report, indent=2))


def _measured(process: InProcess, arguments: argparse.Namespace) -> dict[str, Any]:
    jobs = arguments.large // arguments.small
    before = _small_jobs(process, arguments.small, jobs, "before")
    large = 1000 * process.run(arguments.large, 1, "large") / arguments.large
    after = _small_jobs(process, arguments.small, jobs, "after")
    return {
        "milliseconds_per_task": {
            f"{jobs} stages of {arguments.small}, before": round(before, 3),
            f"1 stage of {arguments.large}": round(large, 3),
            f"{jobs} stages of {arguments.small}, after": round(after, 3),
        },
        "large_over_small": round(2 * large / (before + after), 2),
    }


def _small_jobs(process: InProcess, tasks: int, jobs: int, salt: str) -> float:
    """Milliseconds for each task."""
    seconds = sum(process.run(tasks, 1, f"{salt} {number}") for number in range(jobs))
    return 1000 * seconds / (tasks * jobs)


if __name__ == "__main__":
    main()
