"""Runs programs: a clean environment, a time-out on each, the output in the error when one fails."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.paths import ROOT, VENV
from tools.report import ToolError

_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONSTARTUP", "CONDA_PREFIX")
_SHOWN_LINES = 30


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without a foreign Python's or database's settings; the virtual environment first on PATH."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith("PG")
    }
    foreign = os.environ.get("VIRTUAL_ENV")
    folders = [
        folder
        for folder in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if not (foreign and folder == str(Path(foreign) / "bin"))
    ]
    kept["PATH"] = os.pathsep.join([str(VENV / "bin"), *folders])
    return {**kept, **(extra or {})}


def run(
    command: Sequence[str | Path],
    *,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    cwd: Path = ROOT,
    user: int | None = None,
    group: int | None = None,
    text_in: str | None = None,
) -> str:
    """The standard output of a program that must succeed.

    Raises ``ToolError`` with the end of its output when it fails, is not there or takes too long.
    """
    parts = [str(part) for part in command]
    try:
        done = subprocess.run(
            parts,
            input=text_in,
            stdin=subprocess.DEVNULL if text_in is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            env=clean_environment() if environment is None else dict(environment),
            cwd=cwd,
            user=user,
            group=group,
            extra_groups=[] if user is not None else None,
        )
    except subprocess.TimeoutExpired:
        raise ToolError(f"{parts[0]} did not end within {seconds:.0f} s") from None
    except OSError as exc:
        raise ToolError(f"{parts[0]} could not be run: {exc.strerror}") from None
    if done.returncode != 0:
        shown = "\n".join((done.stdout + done.stderr).splitlines()[-_SHOWN_LINES:])
        raise ToolError(f"{' '.join(parts[:4])} ended with code {done.returncode}:\n{shown}")
    return done.stdout


def call(
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    on_start: Callable[[int], None] | None = None,
) -> int:
    """The exit code of a program whose output goes to the terminal; has no time-out, its user sees it run.

    ``on_start`` is told its process id. However we end, it is ended too.
    """
    parts = [str(part) for part in command]
    env = clean_environment() if environment is None else dict(environment)
    process = subprocess.Popen(parts, stdin=subprocess.DEVNULL, env=env, cwd=ROOT)
    try:
        if on_start is not None:
            on_start(process.pid)
        return process.wait()
    except KeyboardInterrupt:
        _end(process)  # the terminal has told it too
        raise
    except BaseException:
        process.send_signal(signal.SIGINT)
        _end(process)
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it tidy up, then insist."""
    for seconds, insist in ((20, process.terminate), (10, process.kill)):
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            insist()
        else:
            return
    process.wait()
