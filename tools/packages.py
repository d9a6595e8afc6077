"""Debian packages: what a command needs is installed in one go, with sudo where that is needed."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tools.report import ToolError, step
from tools.shell import run

_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
_APT_SECONDS = 900


@dataclass(frozen=True)
class Need:
    """Packages that are missing, and why they are wanted.

    ``choose`` gives their names on this machine; it is called when apt's lists are fresh, and before anything
    is installed.
    """

    why: str
    names: tuple[str, ...]
    choose: Callable[[], tuple[str, ...]] | None = None


def satisfy(*needs: Need | None) -> None:
    """Install what is missing. Raises ``ToolError`` with the command to run where we may not or cannot."""
    missing = [need for need in needs if need is not None]
    if not missing:
        return
    for need in missing:
        step(need.why)
    _require_apt(missing)
    step("reading apt's lists of packages")
    run([*as_root(), *_APT, "update"], seconds=_APT_SECONDS)
    names = [name for need in missing for name in (need.choose() if need.choose else need.names)]
    step(f"installing {' '.join(names)}")
    run([*as_root(), *_APT, "install", "--no-install-recommends", *names], seconds=_APT_SECONDS)


def known(name: str) -> bool:
    """Whether apt can install a package of that name."""
    try:
        return "Package:" in run(["apt-cache", "show", "--no-all-versions", name], seconds=60)
    except ToolError:
        return False


def as_root() -> list[str]:
    """What goes before a command that only root may run."""
    return [] if os.geteuid() == 0 else ["sudo"]


def _require_apt(missing: Sequence[Need]) -> None:
    names = " ".join(name for need in missing for name in need.names)
    if shutil.which("apt-get") is None:
        raise ToolError(f"apt-get is not here; install what these Debian packages hold: {names}")
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        raise ToolError(
            "to install packages needs root, and there is no sudo; as root run: "
            f"apt-get update && apt-get install --no-install-recommends {names}"
        )
