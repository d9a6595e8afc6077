"""What became of each raster of a job, as rows of a Markdown table."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

HEAD = (
    "| file | pixels | bands | CRS | outcome | COG | overviews | made | stored as | seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)
_VALIDATION, _PLANNING, _PIXELS, _ASSEMBLY, _CHECKING, _ITEMS = 2, 3, 4, 5, 6, 7
_LONGEST_CRS = 16
_LONGEST_REASON = 140

Task = Mapping[str, Any]
"""A task as ``db/tasks`` shows it."""


def table(
    files: Sequence[str], headers: Mapping[str, Mapping[str, Any] | None], tasks: Sequence[Task]
) -> str:
    """One row for each file, in this order, which is that of the job's listing.

    ``headers`` are those that ``list_container`` read, by file; ``tasks`` all of the job's.
    """
    rows = [
        _row(file, headers.get(file), [task for task in tasks if _key(task) == f"r{number:05d}"])
        for number, file in enumerate(files, start=1)
    ]
    return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(file: str, header: Mapping[str, Any] | None, tasks: Sequence[Task]) -> list[str]:
    seconds = f"{sum(map(_seconds, tasks)):.1f}"
    failed = next((task for task in tasks if task["status"] == "failed"), None)
    if failed is not None:
        return [f"`{file}`", *_described(header), _reason(failed["error"]), "", "", "", "", seconds]
    item, plan = _result(tasks, _ITEMS), _result(tasks, _PLANNING)
    if item is None or plan is None:
        return [f"`{file}`", *_described(header), "not finished", "", "", "", "", seconds]
    chunking = plan["chunking"]
    made = "in one pass" if chunking is None else f"of {chunking['columns'] * chunking['rows']} chunks"
    warped = "valid, resampled" if plan["warped"] else "valid"
    return [
        f"`{file}`",
        *_described(header),
        warped,
        _bytes(int(item["size"])),
        str(plan["overviews"]),
        made,
        _encoding(plan["encoding"]),
        seconds,
    ]


def _described(header: Mapping[str, Any] | None) -> list[str]:
    if header is None:
        return ["", "", ""]
    crs = str(header["crs"] or "none")
    return [
        f"{header['width']} x {header['height']}",
        f"{header['bands']} {', '.join(header['dtypes'])}",
        crs if len(crs) <= _LONGEST_CRS else "WKT",
    ]


def _reason(error: Mapping[str, Any]) -> str:
    message = " ".join(str(error["message"]).split()).replace("|", "\\|")
    return f"`{error['code']}`: {message[:_LONGEST_REASON]}"


def _encoding(encoding: Mapping[str, Any]) -> str:
    nodata = encoding["nodata"]
    parts = [
        encoding["compression"],
        *(
            []
            if nodata is None
            else [f"nodata {nodata:g}" if isinstance(nodata, float | int) else f"nodata {nodata}"]
        ),
        *(["mask"] if encoding["mask"] else []),
    ]
    return ", ".join(map(str, parts))


def _result(tasks: Sequence[Task], stage: int) -> Mapping[str, Any] | None:
    found = (task["result"] for task in tasks if task["stage"] == stage and task["status"] == "completed")
    return cast("Mapping[str, Any] | None", next(found, None))


def _seconds(task: Task) -> float:
    if not task["started_at"] or not task["finished_at"]:
        return 0.0
    ended, started = (datetime.fromisoformat(str(task[name])) for name in ("finished_at", "started_at"))
    return (ended - started).total_seconds()


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"  # noqa: PLR2004 -- decimal units


def _key(task: Task) -> str:
    return str(task["task_index"]).partition("-")[0]
