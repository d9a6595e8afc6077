"""Kills workers at random under load and counts what was lost or done twice; prints JSON, writes a report.

./dev bench faults                    two minutes, then docs/faults.md is written anew
./dev bench faults --seconds 20 --out /tmp/faults.md
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from tests.conftest import postgres_address
from tests.faults.soak import STAGES, TASKS, TROUBLE, WORK_MS, Report, Soak
from tests.faults.trial import SWEPT, Trial, prepare
from tests.support.services import VARIABLE, Services

_ROOT = Path(__file__).parent.parent
_LAST_CHAPTER = "\n## Rasters\n"
_PAGE = """# What survives

Written by `./dev bench faults` on {date} at commit {commit};
not to be edited by hand, but for the chapter on rasters.

{hosts} hosts of the trial app (`tests/faults/app`) worked on jobs of {stages} stages with {tasks_each} tasks
of {work_ms} ms each. For {seconds} s one of them was killed (`SIGKILL`) every second or so and started again,
while the queue doubled, dropped and delayed messages. Then all jobs had to come to their end.

| what | how many |
|---|---|
| kills survived | {kills} |
| jobs, all completed | {jobs} |
| tasks | {tasks} |
| executions of handlers | {executions} |
| of these in vain: their worker was killed, and another attempt counted | {executions_in_vain} |
| effects counted | {effects} |
| messages sent | {messages_sent} |
| messages doubled | {messages_doubled} |
| messages dropped | {messages_dropped} |
| messages delayed, so that their order was another | {messages_delayed} |
| **lost**: jobs not completed, tasks without a result or an effect | **{lost}** |
| **doubled**: tasks completed twice, attempts run twice, stages opened or settled twice | **{doubled}** |

Recovery of the tasks that a killed worker held, with a lease of {lease_seconds} s and a sweep each
{sweep_seconds} s (deployed: 2 minutes and 1 minute). On the loaded machine the ends of two sweeps lay up to
{max_seconds_between_sweeps} s apart.

| from the kill | seconds |
|---|---|
| until the sweep took the task, median of {recovered} | {median_seconds} |
| the same, at most (lease and the longest time between two sweeps: {bound:.2f}) | {max_seconds} |
| until another worker claimed it, median | {median_seconds_until_claimed_again} |
| the same, at most | {max_seconds_until_claimed_again} |

The longest times hold pauses of the storage emulator, which answers nobody while it clears away the deleted
messages of a minute (seen: 14 to 29 s for 4,000 messages); sends wait for it, and so do sweeps.

Random seed {seed}, Python {python}, {cores} cores. The kill at each numbered crash place of the
protocol, with the servers' outages, is `./dev test tests/faults`; the same soak is `./dev test -m soak`.
"""


def main() -> None:
    arguments = _arguments()
    services = Services(json.loads(os.environ[VARIABLE]))
    with tempfile.TemporaryDirectory(prefix="geojobs-faults-") as folder, ExitStack() as started:
        database = started.enter_context(_trial_database(services))
        first = Trial(services.postgres, database, services.next_account(), Path(folder, "0"), _TROUBLED)
        started.callback(first.close)
        hosts = [first]
        for number in range(1, arguments.hosts):
            hosts.append(first.twin(Path(folder, str(number))))
            started.callback(hosts[-1].close)
        report = Soak(hosts, arguments.seed).run(arguments.seconds)
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        **report.as_json(),
    }
    print(json.dumps(facts, indent=2))
    arguments.out.write_text(_page(facts) + _written_by_hand(), "utf-8")
    sys.exit(0 if _is_whole(report) else 1)


_TROUBLED = {**SWEPT, **TROUBLE}


@contextmanager
def _trial_database(services: Services) -> Generator[str]:
    name = f"benchmark_{uuid4().hex[:12]}"
    services.postgres.create_database(name)
    try:
        database = Database(postgres_address(services.postgres, name), max_size=1)
        try:
            SchemaRepository(database).migrate()
        finally:
            database.close()
        with services.postgres.connect(name) as connection:
            prepare(connection)
        yield name
    finally:
        services.postgres.drop_database(name)


def _page(facts: dict[str, Any]) -> str:
    recovery = facts["recovery"] or {}
    return _PAGE.format(
        **{name: value for name, value in facts.items() if name != "recovery"},
        **{name: value for name, value in recovery.items() if name != "tasks"},
        recovered=recovery.get("tasks", 0),
        bound=recovery.get("lease_seconds", 0) + recovery.get("max_seconds_between_sweeps", 0),
        stages=STAGES,
        tasks_each=TASKS,
        work_ms=WORK_MS,
    )


def _written_by_hand() -> str:
    """The page's last chapter, which is of single crashes, not of the soak."""
    _, heading, chapter = (_ROOT / "docs" / "faults.md").read_text("utf-8").partition(_LAST_CHAPTER)
    return heading + chapter


def _is_whole(report: Report) -> bool:
    return report.lost == 0 and report.doubled == 0 and report.effects == report.tasks


def _commit() -> str:
    """The commit, with ``-dirty`` where the checkout differs from it; the report itself does not count."""
    names = ["git", "describe", "--always", "--exclude=*", "--abbrev=12"]
    commit = subprocess.run(names, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=30)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs/faults.md"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    if commit.returncode != 0:
        return "unknown"
    return commit.stdout.strip() + ("-dirty" if changed.stdout.strip() else "")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long workers are killed")
    parser.add_argument("--hosts", type=int, default=2, help="2 or more, so that one is always there")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311 -- no secret
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "faults.md", help="the report")
    return parser.parse_args()


if __name__ == "__main__":
    main()
