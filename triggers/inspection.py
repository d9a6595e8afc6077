"""Routes under ``/db`` that read: rows, counts, and whether database and code agree."""

from datetime import timedelta

from interfaces.inspection import JobFilter, JobTaskFilter, TaskFilter
from schema.api import FunctionChecks, JobRows, JobsQueryInfo, JobTaskRows, TaskRows, TasksQueryInfo
from schema.errors import JobNotFoundError
from schema.identity import checked_job_id
from schema.states import JobStatus, TaskStatus
from triggers import query
from triggers.application import Application
from triggers.http import Access, Request, Response, Route

_MOST_ROWS = 1_000
_MOST_HOURS = 10 * 366 * 24
_MOST_STAGES = 1_000
_INT4 = 2**31 - 1


def list_job_rows(app: Application, request: Request) -> Response:
    """Jobs created in the last ``hours``, newest first."""
    query.refuse_unknown(request.query, "limit", "hours", "status", "job_type")
    limit = query.integer(request.query, "limit", 10, 1, _MOST_ROWS)
    hours = query.integer(request.query, "hours", 24, 1, _MOST_HOURS)
    status = query.one_of(request.query, "status", JobStatus)
    job_type = query.text(request.query, "job_type")
    begun = app.clock.monotonic()
    since = app.clock.now() - timedelta(hours=hours)
    found = app.inspection.job_rows(JobFilter(limit, status, job_type, since))
    info = JobsQueryInfo(
        limit=limit,
        hours_back=hours,
        status_filter=status,
        job_type_filter=job_type,
        total_found=found.total,
        total_is_capped=found.capped,
        execution_time_ms=_elapsed_ms(app, begun),
    )
    return Response(200, JobRows(jobs=found.rows, query_info=info))


def show_job_row(app: Application, request: Request) -> Response:
    """The whole row, with its stages and the counts of its tasks."""
    query.refuse_unknown(request.query)
    job_id = checked_job_id(request.route["job_id"])
    found = app.inspection.job(job_id)
    if found is None:
        raise JobNotFoundError(job_id)
    return Response(200, found)


def list_task_rows(app: Application, request: Request) -> Response:
    """Tasks of all jobs created in the last ``hours``, newest first."""
    query.refuse_unknown(request.query, "limit", "hours", "status", "stage", "task_type")
    limit = query.integer(request.query, "limit", 50, 1, _MOST_ROWS)
    hours = query.integer(request.query, "hours", 24, 1, _MOST_HOURS)
    status = query.one_of(request.query, "status", TaskStatus)
    stage = _stage(request)
    task_type = query.text(request.query, "task_type")
    begun = app.clock.monotonic()
    since = app.clock.now() - timedelta(hours=hours)
    found = app.inspection.task_rows(TaskFilter(limit, status, stage, task_type, since))
    info = TasksQueryInfo(
        limit=limit,
        hours_back=hours,
        status_filter=status,
        stage_filter=stage,
        task_type_filter=task_type,
        total_found=found.total,
        total_is_capped=found.capped,
        execution_time_ms=_elapsed_ms(app, begun),
    )
    return Response(200, TaskRows(tasks=found.rows, query_info=info))


def list_tasks_of_job(app: Application, request: Request) -> Response:
    """All tasks of a job, of all its runs, in order; ``cursor`` continues where the previous page ended."""
    query.refuse_unknown(request.query, "limit", "cursor", "status", "stage")
    job_id = checked_job_id(request.route["job_id"])
    limit = query.integer(request.query, "limit", 100, 1, _MOST_ROWS)
    wanted = JobTaskFilter(
        job_id=job_id,
        limit=limit + 1,
        status=query.one_of(request.query, "status", TaskStatus),
        stage=_stage(request),
        after=_after(request),
    )
    rows = app.inspection.job_tasks(wanted)
    if not rows and not app.inspection.has_job(job_id):
        raise JobNotFoundError(job_id)
    page = rows[:limit]
    place = [int(str(page[-1][name])) for name in ("run", "stage", "position")] if len(rows) > limit else None
    return Response(
        200,
        JobTaskRows(job_id=job_id, tasks=page, next_cursor=query.cursor_of(*place) if place else None),
    )


def show_stats(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    return Response(200, app.inspection.stats())


def diagnose_enums(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    return Response(200, app.enums())


def check_functions(app: Application, request: Request) -> Response:
    query.refuse_unknown(request.query)
    checks = app.functions.check()
    return Response(
        200, FunctionChecks(ok=all(check.current and check.works for check in checks), functions=checks)
    )


def debug_all(app: Application, request: Request) -> Response:
    """Up to ``limit`` rows of each table, newest first; of the outbox the oldest."""
    query.refuse_unknown(request.query, "limit")
    limit = query.integer(request.query, "limit", 100, 1, _MOST_ROWS)
    return Response(200, app.inspection.everything(limit))


def _stage(request: Request) -> int | None:
    if "stage" not in request.query:
        return None
    return query.integer(request.query, "stage", 1, 1, _MOST_STAGES)


def _after(request: Request) -> tuple[int, int, int] | None:
    parts = query.cursor(request.query, "cursor", int, int, int)
    if parts is None:
        return None
    numbers = [part for part in parts if isinstance(part, int) and 0 <= part <= _INT4]
    if len(numbers) != len(parts):
        raise query.invalid("cursor", "is not a cursor of this route")
    run, stage, position = numbers
    return run, stage, position


def _elapsed_ms(app: Application, begun: float) -> float:
    return round((app.clock.monotonic() - begun) * 1000, 2)


INSPECTION_ROUTES: tuple[Route[Application], ...] = (
    Route("db_jobs", "GET", "db/jobs", Access.USE, list_job_rows),
    Route("db_job", "GET", "db/jobs/{job_id}", Access.USE, show_job_row),
    Route("db_tasks", "GET", "db/tasks", Access.USE, list_task_rows),
    Route("db_tasks_of_job", "GET", "db/tasks/{job_id}", Access.USE, list_tasks_of_job),
    Route("db_stats", "GET", "db/stats", Access.USE, show_stats),
    Route("db_enums_diagnostic", "GET", "db/enums/diagnostic", Access.USE, diagnose_enums),
    Route("db_functions_test", "GET", "db/functions/test", Access.USE, check_functions),
    Route("db_debug_all", "GET", "db/debug/all", Access.ADMIN, debug_all),
)
