"""Node: Azurite and pyright run on it."""

import re
import shutil

from tools.packages import Need
from tools.report import ToolError
from tools.shell import run

OLDEST = 18


def need() -> Need | None:
    """What Debian calls ``node`` and ``npm``, where they are absent."""
    packages = {"node": "nodejs", "npm": "npm"}
    absent = [program for program in packages if shutil.which(program) is None]
    if not absent:
        return None
    return Need(f"{' and '.join(absent)} not found", tuple(packages[program] for program in absent))


def node() -> str:
    """The path of ``node``; raises ``ToolError`` where it is absent or too old."""
    found = shutil.which("node")
    if found is None:
        raise ToolError("node is not on PATH; ./dev setup installs it")
    version = run([found, "--version"], seconds=30).strip()
    parsed = re.match(r"v(\d+)\.", version)
    if parsed is None or int(parsed[1]) < OLDEST:
        raise ToolError(f"Node {OLDEST} or newer is needed, {found} is {version}")
    return found
