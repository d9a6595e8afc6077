"""What the kernel tells of processes: who began whom, and how much memory each holds."""

from pathlib import Path

_KIB = 1024


def family_of(pid: int) -> list[int]:
    """A process and its descendants; by the parents they name, as not every kernel lists children."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text("ascii", "replace").rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def memory_of(pid: int) -> tuple[int, int]:
    """Resident bytes now, and at most so far; none of a process that is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    if "VmRSS" not in facts:
        return 0, 0
    now, highest = (int(facts[name].split()[0]) * _KIB for name in ("VmRSS", "VmHWM"))
    return now, highest
