"""``./dev logs``: the ends of the services' logs, or the logs as they grow."""

import os

from tools import azurite, devhost_process, postgres
from tools.profiles import Profile
from tools.report import ToolError, say, tail

SERVICES = (devhost_process.SERVICE, azurite.SERVICE, postgres.SERVICE)
_LINES = 50


def show(profile: Profile, service: str | None, follow: bool) -> int:
    """Raises ``ToolError`` for a service without a log. With ``follow`` it does not return."""
    names = [service] if service else list(SERVICES)
    paths = [profile.log(name) for name in names if profile.log(name).exists()]
    if not paths:
        raise ToolError(
            f"no log of {service or 'any service'} in {profile.log_folder}; ./dev start makes them"
        )
    if follow:
        os.execvp("tail", ["tail", "-n", str(_LINES), "-F", *map(str, paths)])  # noqa: S606 -- no shell wanted
    for path in paths:
        say(f"==> {path} <==\n{tail(path, _LINES)}\n")
    return 0
