"""``./dev demo``: two jobs on sample files, followed to their end."""

import json
import time
from collections.abc import Mapping
from typing import cast

from tools import devhost_process
from tools.http import JSONObject, expect, request
from tools.report import ToolError, say, step
from tools.starting import run_with_storage, start

_CONTAINER = "bronze"
_JOBS: tuple[tuple[str, JSONObject], ...] = (
    ("hello_world", {"n": 5}),
    ("list_container", {"container": _CONTAINER, "metadata_level": "full", "create_index": True}),
)
_FINAL = ("completed", "completed_with_errors", "failed", "cancelled")
_JOB_SECONDS = 120.0
_POLL_SECONDS = 0.2
_SHOWN_LINES = 40
_ACCEPTED, _THERE = 202, 200


def run_demo() -> int:
    """0 when both jobs completed; raises ``ToolError`` that names the job that did not."""
    numbers = start()
    sent = run_with_storage(numbers, "tools.samples", _CONTAINER).split()
    step(f"sample files in container {_CONTAINER}: {', '.join(sent) if sent else 'all there already'}")
    api = devhost_process.api_url(numbers)
    job_ids = [_run_job(api, job_type, parameters) for job_type, parameters in _JOBS]
    _where_next(api, job_ids[-1])
    return 0


def _run_job(api: str, job_type: str, parameters: JSONObject) -> str:
    say(f"\n$ curl -X POST {api}/jobs/submit/{job_type} -d '{json.dumps(parameters)}'")
    answer = request("POST", f"{api}/jobs/submit/{job_type}", parameters)
    submitted = expect(answer, f"submitting {job_type}", _ACCEPTED, _THERE)
    job_id = str(submitted["job_id"])
    news = "accepted" if submitted["created"] else "the same job is there already, this shows it:"
    say(f"  {news} {job_id}")
    view = _follow(api, job_type, job_id)
    if view["status"] != "completed":
        raise ToolError(f"{job_type} ended as {view['status']}: {json.dumps(view.get('error'), indent=2)}")
    say(_in_short(view.get("result_data")))
    return job_id


def _follow(api: str, job_type: str, job_id: str) -> JSONObject:
    """The job's last view; a line is printed whenever a stage moved on."""
    deadline = time.monotonic() + _JOB_SECONDS
    shown: dict[str, str] = {}
    while True:
        view = expect(request("GET", f"{api}/jobs/status/{job_id}"), f"asking for {job_type}", _THERE)
        for name, line in progress_lines(view).items():
            if shown.get(name) != line:
                shown[name] = line
                say(f"  {line}")
        if view["status"] in _FINAL:
            say(f"  job      {view['status']}")
            return view
        if time.monotonic() > deadline:
            raise ToolError(
                f"{job_type} did not end within {_JOB_SECONDS:.0f} s, it is {view['status']}; see ./dev logs"
            )
        time.sleep(_POLL_SECONDS)


def progress_lines(view: Mapping[str, object]) -> dict[str, str]:
    """One line for each stage that was opened, by the stage's number."""
    stages = cast("list[dict[str, object]]", view["stages"])
    return {
        str(stage["stage"]): (
            f"stage {stage['stage']}  {stage['completed']:>3}/{stage['expected']} tasks"
            f"{', ' + str(stage['failed']) + ' failed' if stage['failed'] else ''}"
            f"  {stage['status']}  ({stage['name']})"
        )
        for stage in stages
    }


def _in_short(result: object) -> str:
    lines = json.dumps(result, indent=2, ensure_ascii=False).splitlines()
    more = len(lines) - _SHOWN_LINES
    shown = lines[:_SHOWN_LINES] + ([f"... and {more} lines more"] if more > 0 else [])
    return "\n".join(f"  {line}" for line in shown)


def _where_next(api: str, job_id: str) -> None:
    say(f"""
Where to look next:

  curl {api}/jobs/status/{job_id}
  curl {api}/db/tasks/{job_id}
  curl {api}/job-types
  curl {api}/health

  ./dev status    what runs, on which ports      ./dev psql    the database
  ./dev logs -f   the logs as they grow          ./dev stop    end it all
""")
