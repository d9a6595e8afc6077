"""Processes that outlive the command, known by pid and start time so that no other is ever ended."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.waiting import wait_until

_STATE_FIELD, _START_FIELD = 2, 21  # of /proc/<pid>/stat, counted from 0: see proc(5)


@dataclass(frozen=True)
class ProcessIdentity:
    """``started`` is the boot's id and the clock tick since then: with the pid, unique on the machine."""

    pid: int
    started: str


def identify(pid: int) -> ProcessIdentity | None:
    """Who runs under that pid now; ``None`` when nobody does, or only the remains of one that ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return None
    # The name, field 1, is in brackets and may hold anything, spaces and brackets too.
    fields = [*stat.rpartition(")")[0].split(" ", 1), *stat.rpartition(")")[2].split()]
    if fields[_STATE_FIELD] in ("Z", "X"):
        return None
    return ProcessIdentity(pid, f"{boot}:{fields[_START_FIELD]}")


def is_alive(process: ProcessIdentity) -> bool:
    """Whether that very process still runs."""
    reap(process.pid)
    return identify(process.pid) == process


def reap(pid: int) -> None:
    """Collect a child of ours that has ended; another's child is left alone."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    cwd: Path,
    user: int | None = None,
    group: int | None = None,
) -> ProcessIdentity | None:
    """Start a program in a session of its own, its output appended to the log.

    Returns ``None`` when it ended before it could be identified.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=[] if user is not None else None,
        )
    identity = identify(child.pid)
    child.returncode = 0  # It is meant to outlive us: keeps Popen from warning that it still runs.
    return identity


def end(process: ProcessIdentity, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
    """Send each signal in turn until the process is gone, waiting that many seconds after each."""
    for number, seconds in signals:
        if not is_alive(process):
            return True
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not is_alive(process), seconds):
            return True
    return not is_alive(process)
