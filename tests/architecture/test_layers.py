"""Who may import whom."""

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.source import APP, AROUND, ROOT, imported_names, python_files, shown

_WIRING = {"bootstrap", "config", "function_app", "parts", "registration"}
_MAY_WIRE = {"bootstrap.py", "function_app.py", "parts.py"}


def test_the_layers_of_pyproject_are_kept() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_wiring_imports_the_wiring() -> None:
    importers = {
        shown(path)
        for path in python_files(*APP, *AROUND)
        if {name.split(".")[0] for name in imported_names(path)} & _WIRING
    }
    assert importers == _MAY_WIRE
