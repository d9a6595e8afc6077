"""The checkout's virtual environment, with what the requirements files ask for."""

import hashlib
import importlib.util
import sys
from pathlib import Path

from tools.packages import Need
from tools.paths import LOCAL, ROOT, VENV, VENV_PYTHON
from tools.profiles import locked
from tools.report import step
from tools.shell import run

_STAMP = VENV / "requirements.sha256"
_WANTED = ROOT / "requirements-dev.txt"
_INSTALL_SECONDS = 1800


def need() -> Need | None:
    """Debian ships a part of the venv module apart from Python, in a package for each version."""
    if _works() or importlib.util.find_spec("ensurepip") is not None:
        return None
    return Need("this Python cannot make virtual environments", (f"python3.{sys.version_info.minor}-venv",))


def ensure_environment() -> None:
    """Make it where it is absent or broken; install again when the requirements changed."""
    with locked(LOCAL / "environment.lock"):
        if not _works():
            _make()
        wanted = _fingerprint()
        if _STAMP.exists() and _STAMP.read_text("ascii") == wanted:
            return
        step(f"installing {_WANTED.name} into {VENV} (minutes the first time)")
        _pip("--upgrade", "pip")  # an older one takes for ever to find which versions go together
        _pip("-r", _WANTED)
        _STAMP.write_text(wanted, "ascii")


def _pip(*arguments: str | Path) -> None:
    run([VENV_PYTHON, "-m", "pip", "install", "--quiet", *arguments], seconds=_INSTALL_SECONDS)


def _works() -> bool:
    return VENV_PYTHON.exists() and any(VENV.glob("lib/python3*/site-packages/pip/__init__.py"))


def _make() -> None:
    step(f"making a virtual environment in {VENV} with Python {sys.version.split()[0]}")
    run([sys.executable, "-m", "venv", "--clear", VENV], seconds=300)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("requirements*.txt")):
        digest.update(path.name.encode() + b"\0" + Path(path).read_bytes() + b"\0")
    digest.update((VENV / "pyvenv.cfg").read_bytes())
    return digest.hexdigest()
