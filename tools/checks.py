"""``./dev check``: format, lint, types, layers."""

import time

from tools import environment, node, packages
from tools.paths import ROOT, VENV
from tools.report import say, step
from tools.shell import call, clean_environment

_CHECKS = (
    ("format", ("ruff", "format", "--check", "--quiet", ".")),
    ("lint", ("ruff", "check", "--quiet", ".")),
    ("types", ("pyright",)),
    ("layers", ("lint-imports",)),
)
# Pyright's wrapper would otherwise download a Node of its own and ask for newer versions of itself;
# import-linter finds the client, which is a project of its own, nowhere else.
_ENVIRONMENT = {
    "PYRIGHT_PYTHON_GLOBAL_NODE": "1",
    "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
    "PYTHONPATH": str(ROOT / "client"),
}


def run_checks() -> int:
    """Run all, whichever fail; 1 where one did."""
    packages.satisfy(environment.need(), node.need())
    environment.ensure_environment()
    verdicts = [_check(name, command) for name, command in _CHECKS]
    return 0 if all(verdicts) else 1


def _check(name: str, command: tuple[str, ...]) -> bool:
    step(f"{name}: {' '.join(command)}")
    began = time.monotonic()
    passed = call([VENV / "bin" / command[0], *command[1:]], clean_environment(_ENVIRONMENT)) == 0
    say(f"{name:<8} {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.1f} s")
    return passed
