"""Runs a program and measures what it and all that it starts use: time, processor, memory, disk."""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import family_of, memory_of

_BLOCK = 512
_EACH_SECONDS = 0.05


@dataclass(frozen=True)
class Usage:
    """``cpu_seconds`` is user and system time of all processes together. ``largest_process_bytes`` is the
    peak of resident memory of one process, ``all_processes_bytes`` that of their sum; ``temporary_bytes`` the
    peak of the files on disk that are not the output."""

    wall_seconds: float
    cpu_seconds: float
    largest_process_bytes: int
    all_processes_bytes: int
    temporary_bytes: int


@dataclass
class _Peaks:
    largest: int = 0
    all: int = 0
    temporary: int = 0

    def look(self, pid: int, folder: Path, is_output: Callable[[Path], bool]) -> None:
        resident = [memory_of(process) for process in family_of(pid)]
        self.largest = max([self.largest, *(highest for _, highest in resident)])
        self.all = max(self.all, sum(now for now, _ in resident))
        self.temporary = max(self.temporary, _disk_use(folder, is_output))


class ProgramFailedError(RuntimeError):
    pass


def measure(
    command: Sequence[str | Path],
    folder: Path,
    is_output: Callable[[Path], bool],
    environment: Mapping[str, str],
    seconds: float,
) -> tuple[Usage, str]:
    """Run the program to its end, and return what it used and what it printed.

    All files below ``folder`` that are not output count as temporary; there the program has its folder for
    temporary files too. Raises ``ProgramFailedError`` where it fails or takes longer than ``seconds``.
    """
    peaks = _Peaks()
    before, started = _cpu(), time.monotonic()
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    own = {"TMPDIR": str(temporary), "CPL_TMPDIR": str(temporary)}
    with (folder / "printed").open("w+b") as output, (folder / "said").open("w+b") as errors:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, **own},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )
        try:
            while process.poll() is None and time.monotonic() - started < seconds:
                peaks.look(process.pid, folder, is_output)
                time.sleep(_EACH_SECONDS)
        finally:
            wall = time.monotonic() - started
            if process.poll() is None:
                process.kill()
            process.wait()
        if process.returncode != 0:
            errors.seek(0)
            raise ProgramFailedError(f"{command[0]} failed:\n{errors.read().decode()[-4000:]}")
        output.seek(0)
        return (
            Usage(round(wall, 2), round(_cpu() - before, 2), peaks.largest, peaks.all, peaks.temporary),
            output.read().decode(),
        )


def _cpu() -> float:
    """Of all processes that were waited for, and those that they waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _disk_use(folder: Path, is_output: Callable[[Path], bool]) -> int:
    used = 0
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            try:
                used += 0 if is_output(path) else path.stat().st_blocks * _BLOCK
            except FileNotFoundError:
                continue
    return used
