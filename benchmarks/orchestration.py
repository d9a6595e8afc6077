"""Measures the orchestration of tasks that do nothing; prints JSON.

./dev bench orchestration --tasks 1000 --stages 2                 real queue, one local host
./dev bench orchestration --tasks 5000 --stages 2 --queue memory  the database's share alone
"""

import argparse
import json
import os
import platform
from typing import Any

from benchmarks.hosted import measure_hosted
from benchmarks.in_process import measure_in_process, measure_opening
from tests.support.services import VARIABLE, Services


def main() -> None:
    arguments = _arguments()
    services = Services(json.loads(os.environ[VARIABLE]))
    report: dict[str, Any] = {
        "tasks_per_stage": arguments.tasks,
        "stages": arguments.stages,
        "queue": arguments.queue,
        "max_parallel_tasks": arguments.max_parallel,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    if arguments.queue == "memory":
        report |= measure_in_process(services, arguments)
    else:
        report |= measure_hosted(services, arguments)
    if arguments.opening:
        report |= measure_opening(services, arguments.opening)
    print(json.dumps(report, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1_000, help="tasks in each stage")
    parser.add_argument("--stages", type=int, default=2, help="1 to 5")
    parser.add_argument("--queue", choices=("azurite", "memory"), default="azurite")
    parser.add_argument("--max-parallel", type=int, default=200, help="how deep the queue gets")
    parser.add_argument("--threads", type=int, default=8, help="workers of --queue memory")
    parser.add_argument("--opening", type=int, default=10_000, help="tasks of the stage opened once; 0: none")
    return parser.parse_args()


if __name__ == "__main__":
    main()
