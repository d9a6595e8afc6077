"""Measures the routes that look into the database, over a large one, through their whole shell; prints JSON.

./dev bench inspection                   1,000,000 tasks in 20,000 jobs, one of them with 50,000
./dev bench inspection --tasks 100000
"""

import argparse
import json
import os
import platform
import statistics
import time
from dataclasses import asdict, dataclass, replace
from unittest.mock import patch
from urllib.parse import quote

from benchmarks.servers import fresh_environment
from bootstrap import bootstrap
from config import load_settings
from repositories.postgres import Database
from tests.conftest import postgres_address
from tests.support.filling import COMMON_TYPE, RARE_TYPE, Filled, fill
from tests.support.routes import call
from tests.support.services import VARIABLE, Services
from triggers.application import Application

BUDGET_MS = 100.0
_CALLS = 20
_FILL_SECONDS = 900.0
_ALWAYS = 87_840
_MOST_HOURS = f"hours={_ALWAYS}"


@dataclass(frozen=True)
class Question:
    """``is_list``: one of those that the budget is for."""

    target: str
    is_list: bool = True


@dataclass(frozen=True)
class Measured:
    route: str
    median_ms: float
    p95_ms: float
    budget_ms: float | None


def main() -> None:
    arguments = _arguments()
    services = Services(json.loads(os.environ[VARIABLE]))
    with fresh_environment(services) as environment:
        address = postgres_address(services.postgres, environment["POSTGRES_DB"])
        database = Database(replace(address, statement_timeout_seconds=_FILL_SECONDS), max_size=1)
        try:
            filled = fill(database, arguments.tasks)
        finally:
            database.close()
        with patch.dict("os.environ", environment):
            application = bootstrap(load_settings())
        try:
            measured = [_measured(application, question) for question in questions(application, filled)]
        finally:
            application.close()
    over = [row.route for row in measured if row.budget_ms is not None and row.median_ms > row.budget_ms]
    report = {
        "tasks": filled.tasks,
        "jobs": filled.jobs,
        "events": filled.events,
        "tasks_of_the_largest_job": filled.largest,
        "calls_each": _CALLS,
        "routes": [asdict(row) for row in measured],
        "over_budget": over,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(report, indent=2))


def questions(application: Application, filled: Filled) -> list[Question]:
    """Of each route the plain question, its filters by something rare, and a page far down."""
    job = filled.large_job
    tasks, jobs = min(1000, filled.largest // 50), min(1000, filled.jobs // 50)
    deep_tasks = _cursor(application, f"/db/tasks/{job}?limit={tasks}", pages=40)
    deep_events = _cursor(application, f"/jobs/{job}/events?limit={tasks}", pages=80)
    middle, end = (quote(moment.isoformat()) for moment in (filled.middle, filled.end))
    deep_jobs = _cursor(application, f"/jobs?limit={jobs}", pages=40)
    deep_ogc = _following(application, f"/ogc/jobs?limit={jobs}", pages=40)
    return [
        Question("/jobs"),
        Question("/jobs?limit=1000"),
        Question("/jobs?status=completed"),
        Question("/jobs?status=cancelled"),
        Question("/jobs?status=processing"),
        Question("/jobs?status=completed_with_errors"),
        Question(f"/jobs?job_type={COMMON_TYPE}"),
        Question(f"/jobs?job_type={RARE_TYPE}"),
        Question(f"/jobs?job_type={RARE_TYPE}&status=failed"),
        Question("/jobs?job_type=unknown"),
        Question(f"/jobs?since={middle}"),
        Question(f"/jobs?until={middle}"),
        Question(f"/jobs?since={end}"),
        Question(f"/jobs?cursor={deep_jobs}"),
        Question(f"/jobs?cursor={deep_jobs}&job_type={RARE_TYPE}"),
        Question("/db/jobs"),
        Question(f"/db/jobs?limit=1000&{_MOST_HOURS}"),
        Question(f"/db/jobs?status=cancelled&{_MOST_HOURS}"),
        Question(f"/db/jobs?job_type={RARE_TYPE}&{_MOST_HOURS}"),
        Question("/db/tasks"),
        Question(f"/db/tasks?{_MOST_HOURS}"),
        Question(f"/db/tasks?limit=1000&{_MOST_HOURS}"),
        Question(f"/db/tasks?status=completed&{_MOST_HOURS}"),
        Question(f"/db/tasks?status=processing&{_MOST_HOURS}"),
        Question(f"/db/tasks?status=queued&{_MOST_HOURS}"),
        Question(f"/db/tasks?status=failed&{_MOST_HOURS}"),
        Question(f"/db/tasks?status=skipped&{_MOST_HOURS}"),
        Question(f"/db/tasks?status=cancelled&{_MOST_HOURS}"),
        Question(f"/db/tasks?stage=2&{_MOST_HOURS}"),
        Question(f"/db/tasks?stage=3&{_MOST_HOURS}"),
        Question(f"/db/tasks?stage=9&{_MOST_HOURS}"),
        Question(f"/db/tasks?task_type={COMMON_TYPE}&{_MOST_HOURS}"),
        Question(f"/db/tasks?task_type={RARE_TYPE}&{_MOST_HOURS}"),
        Question(f"/db/tasks?task_type=unknown&{_MOST_HOURS}"),
        Question(f"/db/tasks?task_type={RARE_TYPE}&status=failed&{_MOST_HOURS}"),
        Question(f"/db/tasks?task_type={COMMON_TYPE}&status=skipped&{_MOST_HOURS}"),
        Question(f"/db/jobs/{job}"),
        Question(f"/db/tasks/{job}"),
        Question(f"/db/tasks/{job}?limit=1000"),
        Question(f"/db/tasks/{job}?cursor={deep_tasks}"),
        Question(f"/db/tasks/{job}?status=completed"),
        Question(f"/db/tasks/{job}?status=failed"),
        Question(f"/db/tasks/{job}?status=processing"),
        Question(f"/db/tasks/{job}?status=cancelled"),
        Question(f"/db/tasks/{job}?stage=2"),
        Question(f"/db/tasks/{job}?stage=2&status=failed"),
        Question(f"/jobs/{job}/events"),
        Question(f"/jobs/{job}/events?limit=1000"),
        Question(f"/jobs/{job}/events?cursor={deep_events}"),
        Question(f"/jobs/{job}/events?entity=job"),
        Question(f"/jobs/{job}/events?entity=stage"),
        Question(f"/jobs/{job}/events?run=1"),
        Question(f"/jobs/{job}/events?run=2"),
        Question(f"/jobs/status/{job}"),
        Question("/monitor/poison"),
        Question("/ogc/jobs"),
        Question("/ogc/jobs?limit=1000"),
        Question("/ogc/jobs?status=dismissed"),
        Question("/ogc/jobs?status=failed"),
        Question("/ogc/jobs?status=running"),
        Question(f"/ogc/jobs?processID={RARE_TYPE}"),
        Question(f"/ogc/jobs?processID={RARE_TYPE},unknown&status=successful"),
        Question(f"/ogc/jobs?datetime={middle}/.."),
        Question(f"/ogc/jobs?datetime=../{middle}"),
        Question("/ogc/jobs?minDuration=1000000"),
        Question(f"/ogc/jobs?{deep_ogc}"),
        Question("/db/stats", is_list=False),
        Question("/db/debug/all", is_list=False),
        Question("/db/debug/all?limit=1000", is_list=False),
    ]


def _measured(application: Application, question: Question) -> Measured:
    _ = [call(application, "GET", question.target) for _ in range(2)]
    seconds: list[float] = []
    statuses: set[int] = set()
    for _ in range(_CALLS):
        started = time.perf_counter()
        answer = call(application, "GET", question.target)
        seconds.append(time.perf_counter() - started)
        statuses.add(answer.status)
    if statuses != {200}:
        raise RuntimeError(f"{question.target} was answered with {statuses}")
    return Measured(
        route=question.target,
        median_ms=round(statistics.median(seconds) * 1000, 1),
        p95_ms=round(statistics.quantiles(seconds, n=20)[-1] * 1000, 1),
        budget_ms=BUDGET_MS if question.is_list else None,
    )


def _cursor(application: Application, target: str, pages: int) -> str:
    """The cursor that so many pages lead to, or as many as there are."""
    cursor = ""
    for _ in range(pages):
        page = call(application, "GET", f"{target}&cursor={cursor}" if cursor else target).json()
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    return cursor


def _following(application: Application, target: str, pages: int) -> str:
    """The query of the page that so many links lead to, or as many as there are."""
    query = target.partition("?")[2]
    for _ in range(pages):
        links = call(application, "GET", f"/ogc/jobs?{query}").json()["links"]
        following = [link["href"] for link in links if link["rel"] == "next"]
        if not following:
            break
        query = following[0].partition("?")[2]
    return query


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    return parser.parse_args()


if __name__ == "__main__":
    main()
