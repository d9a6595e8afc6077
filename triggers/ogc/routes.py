"""Routes under ``/ogc``: job types as processes, jobs as OGC API - Processes - Part 1 has them."""

from functools import partial
from http import HTTPStatus
from typing import Any

from interfaces.job_search import JobSearch
from orchestration.ogc.jobs import statuses_of
from orchestration.ogc.links import OPENAPI_3_0, Links
from orchestration.ogc.results import JobResults
from orchestration.submission import Caller
from schema.ogc import (
    CONFORMANCE,
    CONFORMANCE_CLASSES,
    Conformance,
    ExecuteRequest,
    JobList,
    LandingPage,
    OgcModel,
    Process,
    ProcessList,
    RawOutput,
    ResultDocument,
    StatusCode,
    StatusInfo,
)
from schema.ogc_reference import JobReference
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.ogc.errors import exception_response, failed_job_response
from triggers.ogc.queries import JobListQuery, ProcessesQuery, address_of, interval_of
from triggers.ogc.results import MULTIPART, results_response
from triggers.query import cursor_of

_LONGEST_PAGE = 1_000
_TIMED = tuple(code for code in StatusCode if code is not StatusCode.ACCEPTED)


def landing_page(app: Application, request: Request) -> Response:  # noqa: ARG001 -- the same for every app
    """Read where everything is."""
    return _answer(
        LandingPage(
            title="geojobs",
            description="Executes geospatial processes: OGC API - Processes - Part 1: Core.",
            links=Links(request.base_url).landing_page(),
        )
    )


def conformance(app: Application, request: Request) -> Response:  # noqa: ARG001 -- the same for every app
    """Read what is implemented of the standard."""
    return _answer(Conformance(conforms_to=[f"{CONFORMANCE}{name}" for name in CONFORMANCE_CLASSES]))


def api(app: Application, request: Request) -> Response:
    """Describe these routes in OpenAPI 3.0."""
    # only where it is asked for: it knows all routes of this module
    from triggers.ogc.document import ogc_document  # noqa: PLC0415

    content = ogc_document(app.auth_mode, request.base_url)
    return Response(HTTPStatus.OK, content, {"Content-Type": OPENAPI_3_0})


def list_processes(app: Application, request: Request[ProcessesQuery]) -> Response:
    """List what can be executed, by name."""
    asked, links = request.query, Links(request.base_url)
    after = asked.cursor[0] if asked.cursor else None
    processes, more = app.ogc.processes.page(asked.limit, after, links)
    following = address_of("processes", asked, cursor=cursor_of(processes[-1].id)) if more else None
    return _answer(
        ProcessList(processes=[*processes], links=links.page(_here("processes", asked), following))
    )


def describe_process(app: Application, request: Request) -> Response:
    """Describe a process: its inputs and outputs."""
    return _answer(app.ogc.processes.describe(request.route["process_id"], Links(request.base_url)))


def execute_process(app: Application, request: Request) -> Response:
    """Execute a process.

    Always asynchronously. The same inputs are the same job: the one that is there already is the answer,
    whatever its state. Its next run is started by `POST /jobs/{job_id}/rerun`, for administrators. An
    address that a subscriber is to be called at must be on the list of hosts that may be called.
    """
    caller = Caller(
        request.correlation_id, request.traceparent, identity=request.caller, base_url=request.base_url
    )
    reference = app.ogc.execute(request.route["process_id"], request.json_object(), caller)
    links = Links(request.base_url)
    headers = {"Location": links.address(f"jobs/{reference}"), "Preference-Applied": "respond-async"}
    return _answer(app.ogc.jobs.status(reference, links), HTTPStatus.CREATED, headers)


def list_jobs(app: Application, request: Request[JobListQuery]) -> Response:
    """List jobs, newest first, of whatever way they were submitted in.

    With a duration and no state, only jobs that have started count.
    """
    asked, links = request.query, Links(request.base_url)
    jobs, last = app.ogc.jobs.page(_search(asked), links)
    following = None
    if last is not None:
        cursor = cursor_of(last.created_at.isoformat(), last.job_id)
        following = address_of("jobs", asked, cursor=cursor)
    return _answer(JobList(jobs=[*jobs], links=links.page(_here("jobs", asked), following)))


def job_status(app: Application, request: Request) -> Response:
    """Follow a job."""
    return _answer(app.ogc.jobs.status(_reference(request), Links(request.base_url)))


def dismiss_job(app: Application, request: Request) -> Response:
    """Cancel a job.

    It stays on record. Again is no error; 409 where the job has ended otherwise.
    """
    reference, links = _reference(request), Links(request.base_url)
    return _answer(app.ogc.jobs.dismiss(reference, links, request.correlation_id, request.caller))


def job_results(app: Application, request: Request) -> Response:
    """Read what a job gave back.

    In the form that was asked for at execution. Without one, a single output comes as it is, and several in
    one document, unless the caller takes `multipart/related`. Of a failed job it is why it failed; 410
    where it was dismissed, 413 where all that it gave back is more than 64 MB.
    """
    found = app.ogc.results.find(_reference(request), Links(request.base_url))
    if isinstance(found, JobResults):
        return results_response(found, request.headers)
    return failed_job_response(found, request)


def _answer(
    model: OgcModel, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    return Response(status, model.document(), headers or {})


def _reference(request: Request) -> JobReference:
    return JobReference.parse(request.route["ogc_job_id"])


def _here(path: str, query: ProcessesQuery | JobListQuery) -> str:
    if query.cursor is None:
        return address_of(path, query)
    return address_of(path, query, cursor=cursor_of(*map(_cursor_part, query.cursor)))


def _cursor_part(part: Any) -> str:
    return part if isinstance(part, str) else part.isoformat()


def _search(asked: JobListQuery) -> JobSearch:
    created_from, created_until = interval_of(asked.datetime) if asked.datetime else (None, None)
    timed = asked.minDuration is not None or asked.maxDuration is not None
    codes = asked.status or (_TIMED if timed else None)
    return JobSearch(
        limit=min(asked.limit, _LONGEST_PAGE),
        statuses=None if codes is None else statuses_of(codes),
        job_types=asked.processID,
        created_from=created_from,
        created_until=created_until,
        min_seconds=asked.minDuration,
        max_seconds=asked.maxDuration,
        before=asked.cursor,
    )


OGC_TAG = "ogc"


_route = partial(Route[Application, Any], tag=OGC_TAG, on_error=exception_response)

OGC_ROUTES: tuple[Route[Application, Any], ...] = (
    _route("ogc_landing_page", "GET", "ogc", Access.OPEN, landing_page, {200: Answer("Links.", LandingPage)}),
    _route(
        "ogc_conformance",
        "GET",
        "ogc/conformance",
        Access.OPEN,
        conformance,
        {200: Answer("The conformance classes.", Conformance)},
    ),
    _route(
        "ogc_api",
        "GET",
        "ogc/api",
        Access.OPEN,
        api,
        {200: Answer("The document.", media_type=OPENAPI_3_0)},
    ),
    _route(
        "ogc_processes",
        "GET",
        "ogc/processes",
        Access.READ,
        list_processes,
        {200: Answer("A page of processes.", ProcessList)},
        query=ProcessesQuery,
    ),
    _route(
        "ogc_process",
        "GET",
        "ogc/processes/{process_id}",
        Access.READ,
        describe_process,
        {200: Answer("The process.", Process)},
        problems=(404,),
    ),
    _route(
        "ogc_execute",
        "POST",
        "ogc/processes/{process_id}/execution",
        Access.SUBMIT,
        execute_process,
        {201: Answer("The job, new or not.", StatusInfo, headers=("Location", "Preference-Applied"))},
        problems=(404, 413),
        body=ExecuteRequest,
    ),
    _route(
        "ogc_jobs",
        "GET",
        "ogc/jobs",
        Access.READ,
        list_jobs,
        {200: Answer("A page of jobs.", JobList)},
        query=JobListQuery,
    ),
    _route(
        "ogc_job",
        "GET",
        "ogc/jobs/{ogc_job_id}",
        Access.READ,
        job_status,
        {200: Answer("The job.", StatusInfo)},
        problems=(404,),
    ),
    _route(
        "ogc_dismiss",
        "DELETE",
        "ogc/jobs/{ogc_job_id}",
        Access.ADMIN,
        dismiss_job,
        {200: Answer("The job as it is now.", StatusInfo)},
        problems=(404, 409),
    ),
    _route(
        "ogc_results",
        "GET",
        "ogc/jobs/{ogc_job_id}/results",
        Access.READ,
        job_results,
        {
            200: Answer(
                "The outputs: a document, one output as it is, or several as parts.",
                ResultDocument | RawOutput,
                or_media_type=MULTIPART,
            ),
            204: Answer("All outputs are elsewhere.", headers=("Link",)),
        },
        problems=(404, 410, 413),
    ),
)
