"""``./dev bench``: a measurement of ``benchmarks/`` on services of its own."""

from collections.abc import Sequence

from tools.paths import ROOT, VENV_PYTHON
from tools.report import ToolError
from tools.testing import recorded, running_services


def run_benchmark(arguments: Sequence[str]) -> int:
    """The exit code of the measurement that the first argument names; the others are its own."""
    names = sorted(file.stem for file in (ROOT / "benchmarks").glob("*.py") if _is_command(file.read_text()))
    if not arguments or arguments[0] not in names:
        raise ToolError(f"./dev bench NAME, where NAME is one of {', '.join(names)}")
    with running_services() as (profile, environment):
        return recorded(
            profile, [VENV_PYTHON, "-m", f"benchmarks.{arguments[0]}", *arguments[1:]], environment
        )


def _is_command(source: str) -> bool:
    return "./dev bench" in source
