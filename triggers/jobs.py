"""Routes under ``/jobs`` and ``/job-types``: submit, follow, list, describe."""

from datetime import datetime

from interfaces.inspection import JobFilter
from orchestration.submission import Caller
from orchestration.viewing import job_links
from schema.api import ControlView, JobList, JobTypeList, SubmissionView
from schema.identity import checked_job_id
from schema.policies import Priority, PriorityName
from schema.records import JobRecord
from schema.states import FINAL_JOB_STATES, JobStatus
from triggers import query
from triggers.application import Application
from triggers.http import Access, Request, Response, Route

_RETRY_AFTER = {"Retry-After": "1"}


def submit_job(app: Application, request: Request) -> Response:
    """202 for a new job, 200 for one that is there already; with ``dry_run=true`` nothing is stored.

    ``priority`` (high, normal, low) is no part of the job's identity: the first submission sets it.
    """
    query.refuse_unknown(request.query, "dry_run", "priority")
    job_type = request.route["job_type"]
    priority = Priority[(query.one_of(request.query, "priority", PriorityName) or PriorityName.NORMAL).name]
    caller = Caller(request.correlation_id, request.traceparent, priority=priority)
    body = request.json_object()
    if query.flag(request.query, "dry_run"):
        return Response(200, app.dry_run(job_type, body, caller, app.clock.now()))
    submission = app.submit(job_type, body, caller)
    job = submission.job
    links = job_links(job.job_id)
    view = SubmissionView(
        job_id=job.job_id,
        job_type=job.job_type,
        status=job.status,
        created=submission.created,
        run=job.run,
        parameters=job.parameters,
        links=links,
    )
    if not submission.created:
        return Response(200, view, {"Location": links["self"]})
    return Response(202, view, {"Location": links["self"], **_RETRY_AFTER})


def job_status(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    view = app.jobs.view(checked_job_id(request.route["job_id"]))
    return Response(200, view, {} if view.status in FINAL_JOB_STATES else _RETRY_AFTER)


def cancel_job(app: Application, request: Request) -> Response:
    """202; again is no error, 409 where the job ended otherwise."""
    query.refuse_unknown(request.query, "reason")
    job_id = checked_job_id(request.route["job_id"])
    reason = query.text(request.query, "reason") or "cancelled on request"
    return _told(app.control.cancel(job_id, reason, request.correlation_id))


def retry_job(app: Application, request: Request) -> Response:
    """Resume a failed or cancelled job at its failed stage."""
    query.refuse_unknown(request.query)
    return _told(app.control.retry(checked_job_id(request.route["job_id"]), request.correlation_id))


def rerun_job(app: Application, request: Request) -> Response:
    """Start run n + 1 from stage 1."""
    query.refuse_unknown(request.query)
    return _told(app.control.rerun(checked_job_id(request.route["job_id"]), request.correlation_id))


def _told(job: JobRecord) -> Response:
    links = job_links(job.job_id)
    view = ControlView(
        job_id=job.job_id, job_type=job.job_type, status=job.status, run=job.run, stage=job.stage, links=links
    )
    return Response(202, view, {"Location": links["self"], **_RETRY_AFTER})


def list_jobs(app: Application, request: Request) -> Response:
    """Newest first; ``cursor`` continues where the previous page ended."""
    query.refuse_unknown(request.query, "limit", "status", "job_type", "since", "until", "cursor")
    limit = query.integer(request.query, "limit", 50, 1, 1_000)
    wanted = JobFilter(
        limit=limit,
        status=query.one_of(request.query, "status", JobStatus),
        job_type=query.text(request.query, "job_type"),
        since=query.moment(request.query, "since"),
        until=query.moment(request.query, "until"),
        before=_before(request),
    )
    jobs = app.inspection.jobs(wanted)
    more = len(jobs) == limit
    last = query.cursor_of(jobs[-1].created_at.isoformat(), jobs[-1].job_id) if more else None
    return Response(200, JobList(jobs=[*jobs], next_cursor=last))


def list_job_types(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    return Response(200, JobTypeList(job_types=app.job_types.all()))


def describe_job_type(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    return Response(200, app.job_types.view(request.route["job_type"]))


def _before(request: Request) -> tuple[datetime, str] | None:
    parts = query.cursor(request.query, "cursor", str, str)
    if parts is None:
        return None
    created_at = query.moment({"cursor": str(parts[0])}, "cursor")
    return None if created_at is None else (created_at, checked_job_id(str(parts[1])))


JOB_ROUTES: tuple[Route[Application], ...] = (
    Route("submit_job", "POST", "jobs/submit/{job_type}", Access.USE, submit_job),
    Route("job_status", "GET", "jobs/status/{job_id}", Access.USE, job_status),
    Route("list_jobs", "GET", "jobs", Access.USE, list_jobs),
    Route("cancel_job", "POST", "jobs/{job_id}/cancel", Access.ADMIN, cancel_job),
    Route("retry_job", "POST", "jobs/{job_id}/retry", Access.ADMIN, retry_job),
    Route("rerun_job", "POST", "jobs/{job_id}/rerun", Access.ADMIN, rerun_job),
    Route("list_job_types", "GET", "job-types", Access.USE, list_job_types),
    Route("describe_job_type", "GET", "job-types/{job_type}", Access.USE, describe_job_type),
)
