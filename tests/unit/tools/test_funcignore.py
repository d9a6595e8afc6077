import re

import pytest

from tools.paths import ROOT


def _ignored(path: str) -> bool:
    """As Core Tools do: a pattern matches the beginning of a path, and ``*`` is never empty."""
    for line in (ROOT / ".funcignore").read_text("utf-8").splitlines():
        pattern = re.escape(line.removeprefix("/"))
        if re.match(pattern.replace(r"\*\*", ".+").replace(r"\*", "[^/]+"), path):
            return True
    return False


@pytest.mark.parametrize(
    "path",
    [
        "function_app.py",
        "host.json",
        "requirements.txt",
        "registration.py",
        "bootstrap.py",
        "config.py",
        "schema/sql/functions/claim_task.sql",
        "repositories/sql/orchestration.sql",
        "triggers/http.py",
        "web/docs/index.html",
        "services/tools.py",
    ],
)
def test_what_the_deployed_app_needs_is_sent(path: str) -> None:
    assert not _ignored(path)


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".gitignore",
        ".venv/bin/python",
        ".local/dev/secrets.json",
        "local.settings.json",
        "local.settings.example.json",
        "tests/unit/test_x.py",
        "client/geojobs_client/cli.py",
        "devhost/host.py",
        "tools/cli.py",
        "dev",
        "docs/adr/0001.md",
        "README.md",
        "requirements-dev.txt",
        "schema/__pycache__/states.cpython-311.pyc",
    ],
)
def test_what_it_does_not_need_stays_here(path: str) -> None:
    assert _ignored(path)
