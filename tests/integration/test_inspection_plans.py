"""What looks into the database reads little of it, whatever is asked for: only what an index leads to."""

import json
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import uuid4

import pytest

from repositories import dead_letters, inspection, job_search, trail
from repositories.postgres import Connection, Database
from repositories.reading import reading
from tests.conftest import postgres_address
from tests.support.filling import COMMON_TYPE, MIXED_TYPE, RARE_TYPE, Filled, fill
from tests.support.routes import call
from tests.support.services import Services
from triggers.application import Application

TASKS = 20_000
ALWAYS = "hours=87840"

# Of a table with so many rows or more, no page may read more than so much.
LARGE, SHARE = 2_000, 0.025
FEW = 50

TARGETS = [
    "/jobs?limit=5",
    "/jobs?limit=5&status=completed",
    "/jobs?limit=5&status=cancelled",
    "/jobs?limit=5&status=processing",
    f"/jobs?limit=5&job_type={COMMON_TYPE}",
    f"/jobs?limit=5&job_type={RARE_TYPE}",
    f"/jobs?limit=5&job_type={RARE_TYPE}&status=failed",
    "/jobs?limit=5&job_type=unknown",
    "/jobs?limit=5&since={middle}",
    "/jobs?limit=5&until={middle}",
    f"/db/jobs?limit=5&{ALWAYS}",
    f"/db/jobs?limit=5&{ALWAYS}&status=cancelled",
    f"/db/jobs?limit=5&{ALWAYS}&job_type={RARE_TYPE}",
    "/db/tasks?limit=10",
    f"/db/tasks?limit=10&{ALWAYS}",
    f"/db/tasks?limit=10&{ALWAYS}&status=completed",
    f"/db/tasks?limit=10&{ALWAYS}&status=pending",
    f"/db/tasks?limit=10&{ALWAYS}&status=queued",
    f"/db/tasks?limit=10&{ALWAYS}&status=processing",
    f"/db/tasks?limit=10&{ALWAYS}&status=failed",
    f"/db/tasks?limit=10&{ALWAYS}&status=skipped",
    f"/db/tasks?limit=10&{ALWAYS}&status=cancelled",
    f"/db/tasks?limit=10&{ALWAYS}&stage=2",
    f"/db/tasks?limit=10&{ALWAYS}&stage=9",
    f"/db/tasks?limit=10&{ALWAYS}&task_type={COMMON_TYPE}",
    f"/db/tasks?limit=10&{ALWAYS}&task_type={RARE_TYPE}",
    f"/db/tasks?limit=10&{ALWAYS}&task_type={MIXED_TYPE}",
    f"/db/tasks?limit=10&{ALWAYS}&task_type={MIXED_TYPE}&status=failed",
    f"/db/tasks?limit=10&{ALWAYS}&task_type=unknown",
    f"/db/tasks?limit=10&{ALWAYS}&task_type={RARE_TYPE}&status=failed",
    f"/db/tasks?limit=10&{ALWAYS}&task_type={COMMON_TYPE}&status=skipped",
    "/db/tasks/{job}?limit=10",
    "/db/tasks/{job}?limit=10&status=completed",
    "/db/tasks/{job}?limit=10&status=processing",
    "/db/tasks/{job}?limit=10&stage=2",
    "/db/debug/all?limit=5",
    "/jobs/{job}/events?limit=10",
    "/jobs/{job}/events?limit=10&cursor={event}",
    "/jobs/{job}/events?limit=10&run=1",
    "/jobs/{job}/events?limit=10&entity=task",
    "/jobs/{job}/events?limit=10&entity=job",
    "/jobs/{job}/events?limit=10&entity=stage",
    "/monitor/poison?limit=10",
    "/ogc/jobs?limit=5",
    "/ogc/jobs?limit=5&status=dismissed",
    f"/ogc/jobs?limit=5&processID={RARE_TYPE}",
    "/ogc/jobs?limit=5&datetime=../{middle}",
]


@pytest.fixture(scope="module")
def filled(services: Services, template_database: str) -> Iterator[tuple[str, Filled]]:
    """A database with many rows, and what is in it."""
    name = f"test_{uuid4().hex[:12]}"
    services.postgres.create_database(name, template_database)
    database = Database(postgres_address(services.postgres, name), max_size=1)
    try:
        yield name, fill(database, TASKS)
    finally:
        database.close()
        services.postgres.drop_database(name)


@pytest.fixture
def database_name(filled: tuple[str, Filled]) -> str:
    """Not a fresh one: these tests only read."""
    return filled[0]


class Explaining:
    """A connection that keeps the plan of each statement, with the rows that were met on the way."""

    def __init__(self, connection: Connection, plans: list[dict[str, Any]]) -> None:
        self._connection = connection
        self._plans = plans

    def execute(self, statement: LiteralString, parameters: Any = None) -> Any:
        if not statement.lstrip("- ").startswith("select count(*) as found"):  # stops at its own limit
            explained = self._connection.execute(f"explain (analyze, format json) {statement}", parameters)
            (plan,) = explained.fetchall()
            self._plans.append(plan["QUERY PLAN"][0]["Plan"])
        return self._connection.execute(statement, parameters)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Fills with the plans of what the app reads."""
    found: list[dict[str, Any]] = []

    @contextmanager
    def explaining(database: Database, **options: Any) -> Generator[Explaining]:
        with reading(database, **options) as connection:
            yield Explaining(connection, found)

    for module in (dead_letters, inspection, job_search, trail):
        monkeypatch.setattr(module, "reading", explaining)
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_a_page_reads_little(
    application: Application, plans: list[dict[str, Any]], filled: tuple[str, Filled], target: str
) -> None:
    facts = filled[1]
    middle = facts.middle.strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = target.format(job=facts.large_job, middle=middle, event=facts.events // 2)
    assert call(application, "GET", asked).status == 200
    assert plans
    sizes = {"tasks": facts.tasks, "job_events": facts.events, "jobs": facts.jobs, "dead_letters": 10_000}
    for plan in plans:
        for table, rows in rows_read(plan).items():
            most = max(FEW, sizes.get(table, 0) * SHARE) if table != "stages" else LARGE
            assert rows <= most, f"{rows} rows of {table}: {json.dumps(plan, indent=1)}"


def rows_read(plan: dict[str, Any]) -> Counter[str]:
    """By table: rows that were returned or thrown away at the place where they are read."""
    found: Counter[str] = Counter()
    for node in nodes(plan):
        if "Relation Name" in node:
            met = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            found[node["Relation Name"]] += met * node["Actual Loops"]
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)
