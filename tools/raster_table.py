"""``./dev rasters``: sends every file of folders through the pipeline and tells what became of each."""

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from tools import devhost_process
from tools.http import JSONObject, expect, request
from tools.paths import ROOT
from tools.raster_rows import HEAD, Described, row, table
from tools.report import ToolError, say, step
from tools.starting import run_with_storage, start

DOCUMENT = ROOT / "docs" / "rasters.md"
_CONTAINER = "bronze"
_FINAL = ("completed", "completed_with_errors", "failed", "cancelled")
_MOMENT = "2024-01-01T00:00:00Z"
_JOB_SECONDS = 3_600.0
_POLL_SECONDS = 0.2
_ACCEPTED, _OK = 202, 200


def run_table(arguments: Sequence[str]) -> int:
    """0 once each file has its row, whatever it says; raises ``ToolError`` where the app does not answer."""
    parser = argparse.ArgumentParser("./dev rasters")
    parser.add_argument("folder", nargs="+", type=Path, help="every file in it is processed as a raster")
    parser.add_argument(
        "--write", action="store_true", help="put the tables into docs/rasters.md, by the folders' names"
    )
    given = parser.parse_args(arguments)
    folders = [folder.resolve() for folder in given.folder]
    for folder in folders:
        if not folder.is_dir():
            raise ToolError(f"{folder} is no folder")
    numbers = start()
    api = devhost_process.api_url(numbers)
    for folder in folders:
        prefix = f"rasters/{folder.name}/"
        files = run_with_storage(numbers, "tools.folder_upload", _CONTAINER, prefix, str(folder)).split("\n")
        step(f"{len(files) - 1} files of {folder} are in container {_CONTAINER}")
        say(HEAD.rstrip())
        made = table_of(api, prefix)
        if given.write:
            write(DOCUMENT, folder.name, made)
    return 0


def table_of(api: str, prefix: str) -> str:
    """The table of all blobs below the prefix, whose jobs run one after another."""
    trial: JSONObject = {"container": _CONTAINER, "dataset_id": uuid4().hex}
    listing = _run(
        api, "list_container", {**trial, "prefix": prefix, "metadata_level": "full", "max_files": 10_000}
    )
    headers: dict[str, Described | None] = {}
    for task in cast("dict[str, Any]", listing["stage_results"])["2"]["task_results"]:
        file = task["result_data"]
        headers[str(file["name"])] = header_of(file)
    rows: list[str] = []
    for name, header in sorted(headers.items()):
        given: JSONObject = {**trial, "blob": name, "collection_id": "table", "datetime": _MOMENT}
        rows.append(row(name.removeprefix(prefix), header, _run(api, "process_raster", given)))
        say(rows[-1].rstrip())
    return table(rows)


def header_of(file: Described) -> Described | None:
    """What a full listing says of a file's header, if it is a raster that can be read."""
    raster: Described = file["raster"] or {}
    return raster.get("header")


def write(document: Path, name: str, made: str) -> None:
    """Replace the table of this name in a document; raises ``ToolError`` where it has no place for it."""
    text = document.read_text("utf-8")
    pattern = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(text):
        raise ToolError(f"{document} has no place for a table named {name}")
    document.write_text(pattern.sub(lambda found: found[1] + made + found[2], text), "utf-8")


def _run(api: str, job_type: str, parameters: JSONObject) -> JSONObject:
    """The job's final status."""
    answer = request("POST", f"{api}/jobs/submit/{job_type}", parameters)
    job_id = str(expect(answer, f"submitting {job_type}", _ACCEPTED, _OK)["job_id"])
    deadline = time.monotonic() + _JOB_SECONDS
    while True:
        view = expect(request("GET", f"{api}/jobs/status/{job_id}"), f"asking for {job_type}", _OK)
        if view["status"] in _FINAL:
            return view
        if time.monotonic() > deadline:
            raise ToolError(f"{job_type} did not end within {_JOB_SECONDS:.0f} s; see ./dev logs")
        time.sleep(_POLL_SECONDS)
