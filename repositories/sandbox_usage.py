"""What processes and folders use, as the kernel counts it, and whose folders are left over."""

import os
import shutil
from pathlib import Path

from schema.contracts.rasters import MAX_CHUNKS

PREFIX = "geojobs-raster"

MOST_ENTRIES = 3 * MAX_CHUNKS
"""The assembly has a file of each chunk, and makes fewer for all levels above."""

_KIB = 1024
_START_TIME = 19  # of the fields of /proc/PID/stat after the command's name


def memory_of(pid: int) -> int:
    """Bytes of memory that a process and its children hold; 0 once it has ended."""
    held, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        held += _resident(_told(process, "status"))
        waiting += map(int, _told(process, f"task/{process}/children").split())
    return held


def _told(pid: int, what: str) -> str:
    """What the kernel says of a process; nothing where it is gone, or the kernel does not say it."""
    try:
        return Path(f"/proc/{pid}/{what}").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _resident(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * _KIB
    return 0


def disk_use_of(folder: Path, enough: int) -> int:
    """Bytes that the files below a folder take on disk, counted until there are ``enough``.

    A folder of more than ``MOST_ENTRIES`` counts as ``enough``: nothing here makes so many.
    """
    used = entries = 0
    waiting = [folder]
    while waiting and used <= enough:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    if entries > MOST_ENTRIES:
                        return enough + 1
                    used += _disk_use(entry)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
        except FileNotFoundError:
            continue
    return used


def _disk_use(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:
        return 0


def prefix_of_this_process() -> str:
    """How the folders of this process begin: process id and start, as ids are used again."""
    pid = os.getpid()
    return f"{PREFIX}-{pid}-{_started(pid)}-"


def remove_leftovers(root: Path) -> int:
    """Remove the folders of processes that are no more, and say how many there were."""
    removed = 0
    for folder in root.glob(f"{PREFIX}-*"):
        pid, _, rest = folder.name.removeprefix(f"{PREFIX}-").partition("-")
        started = rest.partition("-")[0]
        if pid.isdecimal() and started.isdecimal() and started != _started(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
    return removed


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the machine did; ``None`` where there is none."""
    stat = _told(pid, "stat")
    return stat.rpartition(")")[2].split()[_START_TIME] if stat else None
