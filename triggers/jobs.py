"""Routes under ``/jobs`` and ``/job-types``: submit, follow, list, describe."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from interfaces.inspection import JobFilter
from orchestration.submission import Caller
from orchestration.viewing import job_links
from schema.api import ControlView, DryRunView, JobList, JobTypeList, JobTypeView, JobView, SubmissionView
from schema.callbacks import CALLBACK_HEADER, CallbackRequest
from schema.identity import JOB_ID_PATTERN, checked_job_id
from schema.policies import Priority, PriorityName
from schema.records import JobRecord
from schema.states import FINAL_JOB_STATES, JobStatus
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.query import CURSOR_SCHEMA, MORE, OPAQUE, Flag, Moment, Query, Text, WholeNumber, cursor_of

_RETRY_AFTER = {"Retry-After": "1"}


class SubmitQuery(Query):
    dry_run: Flag = Field(False, description="validate, show the plan and try what only reads; store nothing")
    priority: PriorityName = Field(
        PriorityName.NORMAL, description="no part of the job's identity: the first submission sets it"
    )


class CancelQuery(Query):
    reason: Text = Field("cancelled on request", description="why, for the audit trail")


class JobsQuery(Query):
    limit: Annotated[int, WholeNumber(1, 1_000)] = Field(50, description="most jobs on a page")
    status: JobStatus | None = Field(None, description="only jobs in this state")
    job_type: Text | None = Field(None, description="only jobs of this type")
    since: Moment | None = Field(None, description="only jobs created at this time or later")
    until: Moment | None = Field(None, description="only jobs created before this time")
    cursor: (
        Annotated[
            tuple[datetime, Annotated[str, Field(pattern=f"^{JOB_ID_PATTERN.pattern}$")]],
            OPAQUE,
            CURSOR_SCHEMA,
        ]
        | None
    ) = Field(None, description=MORE)


def submit_job(app: Application, request: Request[SubmitQuery]) -> Response:
    """Submit a job.

    The same type and parameters are the same job: 202 for a new one, 200 for one that is there already,
    whatever its state. With ``dry_run=true`` the plan is shown and nothing is stored; first stages that only
    read are tried for a minute at most, where the job type has such. The address in the header
    ``X-Callback-URL`` is told of the run's end; it is no part of the job's identity.
    """
    job_type = request.route["job_type"]
    caller = Caller(
        request.correlation_id,
        request.traceparent,
        identity=request.caller,
        priority=Priority[request.query.priority.name],
        callbacks=_callbacks(request),
        base_url=request.base_url,
    )
    body = request.json_object()
    if request.query.dry_run:
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


def _callbacks(request: Request[SubmitQuery]) -> tuple[CallbackRequest, ...]:
    url = request.headers.get(CALLBACK_HEADER.lower())
    return () if url is None else (CallbackRequest(url),)


def job_status(app: Application, request: Request) -> Response:
    """Follow a job: its state, its stages with their counts, its result or error."""
    view = app.jobs.view(checked_job_id(request.route["job_id"]))
    return Response(200, view, {} if view.status in FINAL_JOB_STATES else _RETRY_AFTER)


def cancel_job(app: Application, request: Request[CancelQuery]) -> Response:
    """Stop a job.

    What has not started will not; what runs is told to stop. Again is no error; 409 where the job ended
    otherwise.
    """
    job_id = checked_job_id(request.route["job_id"])
    return _told(app.control.cancel(job_id, request.query.reason, request.correlation_id, request.caller))


def retry_job(app: Application, request: Request) -> Response:
    """Resume a failed or cancelled job at its failed stage.

    Only what failed or never started runs again; 409 where the job's state does not allow it.
    """
    job_id = checked_job_id(request.route["job_id"])
    return _told(app.control.retry(job_id, request.correlation_id, request.caller))


def rerun_job(app: Application, request: Request) -> Response:
    """Start run n + 1 of an ended job, from stage 1.

    409 while the job has not ended.
    """
    job_id = checked_job_id(request.route["job_id"])
    return _told(app.control.rerun(job_id, request.correlation_id, request.caller))


def _told(job: JobRecord) -> Response:
    links = job_links(job.job_id)
    view = ControlView(
        job_id=job.job_id, job_type=job.job_type, status=job.status, run=job.run, stage=job.stage, links=links
    )
    return Response(202, view, {"Location": links["self"], **_RETRY_AFTER})


def list_jobs(app: Application, request: Request[JobsQuery]) -> Response:
    """List jobs, newest first."""
    asked = request.query
    wanted = JobFilter(asked.limit, asked.status, asked.job_type, asked.since, asked.until, asked.cursor)
    jobs = app.inspection.jobs(wanted)
    more = len(jobs) == asked.limit
    last = cursor_of(jobs[-1].created_at.isoformat(), jobs[-1].job_id) if more else None
    return Response(200, JobList(jobs=[*jobs], next_cursor=last))


def list_job_types(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """List what can be submitted."""
    return Response(200, JobTypeList(job_types=app.job_types.all()))


def describe_job_type(app: Application, request: Request) -> Response:
    """Describe a job type: its stages, the JSON Schema of its parameters, an example."""
    return Response(200, app.job_types.view(request.route["job_type"]))


_TAG = "jobs"
_TOLD = Answer("The job as it is now.", ControlView, headers=("Location", "Retry-After"))

JOB_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "submit_job",
        "POST",
        "jobs/submit/{job_type}",
        Access.SUBMIT,
        submit_job,
        {
            200: Answer(
                "The job that is there already, or the plan.",
                SubmissionView | DryRunView,
                headers=("Location",),
            ),
            202: Answer("A new job.", SubmissionView, headers=("Location", "Retry-After")),
        },
        _TAG,
        SubmitQuery,
        problems=(404, 413),
    ),
    Route(
        "job_status",
        "GET",
        "jobs/status/{job_id}",
        Access.READ,
        job_status,
        {200: Answer("The job.", JobView, headers=("Retry-After",))},
        _TAG,
        problems=(404,),
    ),
    Route(
        "list_jobs", "GET", "jobs", Access.READ, list_jobs, {200: Answer("A page.", JobList)}, _TAG, JobsQuery
    ),
    Route(
        "cancel_job",
        "POST",
        "jobs/{job_id}/cancel",
        Access.ADMIN,
        cancel_job,
        {202: _TOLD},
        _TAG,
        CancelQuery,
        problems=(404, 409),
    ),
    Route(
        "retry_job",
        "POST",
        "jobs/{job_id}/retry",
        Access.ADMIN,
        retry_job,
        {202: _TOLD},
        _TAG,
        problems=(404, 409),
    ),
    Route(
        "rerun_job",
        "POST",
        "jobs/{job_id}/rerun",
        Access.ADMIN,
        rerun_job,
        {202: _TOLD},
        _TAG,
        problems=(404, 409),
    ),
    Route(
        "list_job_types",
        "GET",
        "job-types",
        Access.READ,
        list_job_types,
        {200: Answer("All job types, by name.", JobTypeList)},
        _TAG,
    ),
    Route(
        "describe_job_type",
        "GET",
        "job-types/{job_type}",
        Access.READ,
        describe_job_type,
        {200: Answer("The job type.", JobTypeView)},
        _TAG,
        problems=(404,),
    ),
)
