"""The local function host as a process: started, awaited, asked."""

from collections.abc import Mapping

from tools import ports
from tools.http import expect, request
from tools.launching import await_ready, launch
from tools.paths import ROOT, VENV_PYTHON
from tools.profiles import Profile, ServiceState
from tools.report import ToolError
from tools.settings import app_environment
from tools.shell import clean_environment

SERVICE = "devhost"


def api_url(numbers: Mapping[str, int]) -> str:
    return f"http://localhost:{numbers[ports.HTTP.name]}/api"


def start(profile: Profile, numbers: Mapping[str, int]) -> ServiceState:
    """Returns when the host serves; raises ``ToolError`` with the end of its log when it does not."""
    number = numbers[ports.HTTP.name]
    state = launch(
        profile,
        SERVICE,
        [VENV_PYTHON, "-m", "devhost", "--port", str(number)],
        {ports.HTTP.name: number},
        environment=clean_environment(app_environment(profile, numbers)),
        cwd=ROOT,
    )
    await_ready(profile, SERVICE, state, lambda: is_live(number))
    return state


def is_live(number: int) -> bool:
    try:
        return request("GET", f"http://{ports.HOST}:{number}/api/health/live", seconds=5).status == 200  # noqa: PLR2004 -- HTTP
    except ToolError:
        return False


def migrate(numbers: Mapping[str, int]) -> list[str]:
    """Bring the schema up to date and make the queues; returns what was done."""
    answer = request("POST", f"{api_url(numbers)}/db/schema/migrate", seconds=120)
    steps = expect(answer, "migrating the database", 200).get("steps")
    return [str(step) for step in steps] if isinstance(steps, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON
