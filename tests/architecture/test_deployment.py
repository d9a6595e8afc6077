"""``.funcignore`` leaves all that the app needs, found by following its imports."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, reached_from, shown

_PATTERNS = ROOT / ".funcignore"
_READ_AT_RUN_TIME = (
    "schema/sql/**/*.sql",
    "repositories/sql/*.sql",
    "host.json",
    "requirements.txt",
    "web/**/*.*",
)


@pytest.fixture(scope="module")
def needed() -> list[str]:
    imported = [shown(path) for path in reached_from("function_app")]
    read = [shown(path) for pattern in _READ_AT_RUN_TIME for path in ROOT.glob(pattern)]
    assert "services/containers/parquet.py" in imported
    return sorted({*imported, *read})


def test_what_the_app_needs_is_deployed_as_core_tools_read_the_patterns(needed: list[str]) -> None:
    """To them a pattern matches the beginning of a path."""
    patterns = [
        re.escape(line.removeprefix("/")).replace(r"\*\*", ".+").replace(r"\*", "[^/]+")
        for line in _PATTERNS.read_text("utf-8").splitlines()
    ]
    assert [path for path in needed if any(re.match(pattern, path) for pattern in patterns)] == []


def test_what_the_app_needs_is_deployed_as_git_reads_the_patterns(needed: list[str], tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text(_PATTERNS.read_text("utf-8"), "utf-8")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=20)
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(needed),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == []


def test_the_app_imports_nothing_that_serves_development_only(needed: list[str]) -> None:
    assert not {path.split("/")[0] for path in needed} & {"benchmarks", "devhost", "tests", "tools"}
