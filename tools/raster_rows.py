"""What became of each raster, as rows of a Markdown table."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

HEAD = (
    "| file | pixels | bands | CRS | outcome | COG | overviews | made | stored as | seconds |\n"
    "|---|---|---|---|---|---|---|---|---|---|\n"
)
_PLANNING = "2"
_LONGEST_CRS = 16
_LONGEST_REASON = 140
_KB, _MB = 1e3, 1e6

Described = Mapping[str, Any]


def table(rows: Sequence[str]) -> str:
    return HEAD + "".join(rows)


def row(file: str, header: Described | None, job: Described) -> str:
    """``header`` is the one that ``list_container`` read, ``job`` the final status of the file's job."""
    columns = [f"`{file}`", *_described(header), *_outcome(job), f"{_seconds(job):.1f}"]
    return f"| {' | '.join(columns)} |\n"


def _outcome(job: Described) -> list[str]:
    if job["status"] != "completed":
        return [_reason(job["error"] or {"code": job["status"], "message": ""}), "", "", "", ""]
    plan = job["stage_results"][_PLANNING]["task_results"][0]["result_data"]
    made, encoding = job["result_data"], plan["encoding"]
    return [
        "valid, resampled" if plan["warped"] else "valid",
        _bytes(int(made["size"])),
        str(plan["overviews"]),
        f"of {made['chunks']} chunks" if made["chunks"] else "in one pass",
        ", ".join([encoding["compression"], *_validity(encoding)]),
    ]


def _described(header: Described | None) -> list[str]:
    if header is None:
        return ["", "", ""]
    crs = str(header["crs"] or "none")
    return [
        f"{header['width']} x {header['height']}",
        f"{header['bands']} {', '.join(header['dtypes'])}",
        crs if len(crs) <= _LONGEST_CRS else "WKT",
    ]


def _reason(error: Described) -> str:
    message = " ".join(str(error["message"]).split()).replace("|", "\\|")
    return f"`{error['code']}`: {message[:_LONGEST_REASON]}"


def _validity(encoding: Described) -> list[str]:
    nodata = encoding["nodata"]
    shown = f"{nodata:g}" if isinstance(nodata, float | int) else nodata
    return [*([] if nodata is None else [f"nodata {shown}"]), *(["mask"] if encoding["mask"] else [])]


def _seconds(job: Described) -> float:
    ended, started = (datetime.fromisoformat(str(job[name])) for name in ("finished_at", "created_at"))
    return (ended - started).total_seconds()


def _bytes(size: int) -> str:
    return f"{size / _MB:.1f} MB" if size >= _MB else f"{size / _KB:.1f} kB"
