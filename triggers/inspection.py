"""Routes under ``/db`` that read: rows, counts, and whether database and code agree."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from interfaces.inspection import JobFilter, JobTaskFilter, TaskFilter
from schema.api import (
    EnumDiagnosis,
    Everything,
    FunctionChecks,
    JobRow,
    JobRows,
    JobsQueryInfo,
    JobTaskRows,
    Statistics,
    TaskRows,
    TasksQueryInfo,
)
from schema.errors import JobNotFoundError
from schema.identity import checked_job_id
from schema.states import JobStatus, TaskStatus
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.query import CURSOR_SCHEMA, MORE, OPAQUE, Query, Text, WholeNumber, cursor_of

_INT4 = 2**31 - 1
_Rows = WholeNumber(1, 1_000)
_Hours = WholeNumber(1, 10 * 366 * 24)
_Stage = WholeNumber(1, 1_000)
_Number = Annotated[int, Field(strict=True, ge=0, le=_INT4)]


class JobRowsQuery(Query):
    limit: Annotated[int, _Rows] = Field(10, description="most rows")
    hours: Annotated[int, _Hours] = Field(24, description="only jobs created in so many last hours")
    status: JobStatus | None = Field(None, description="only jobs in this state")
    job_type: Text | None = Field(None, description="only jobs of this type")


class TaskRowsQuery(Query):
    limit: Annotated[int, _Rows] = Field(50, description="most rows")
    hours: Annotated[int, _Hours] = Field(24, description="only tasks created in so many last hours")
    status: TaskStatus | None = Field(None, description="only tasks in this state")
    stage: Annotated[int, _Stage] | None = Field(None, description="only tasks of this stage")
    task_type: Text | None = Field(None, description="only tasks of this type")


class JobTasksQuery(Query):
    limit: Annotated[int, _Rows] = Field(100, description="most tasks on a page")
    cursor: Annotated[tuple[_Number, _Number, _Number], OPAQUE, CURSOR_SCHEMA] | None = Field(
        None, description=MORE
    )
    status: TaskStatus | None = Field(None, description="only tasks in this state")
    stage: Annotated[int, _Stage] | None = Field(None, description="only tasks of this stage")


class DebugQuery(Query):
    limit: Annotated[int, _Rows] = Field(100, description="most rows of each table")


def list_job_rows(app: Application, request: Request[JobRowsQuery]) -> Response:
    """Show the rows of jobs created in the last hours, newest first."""
    asked = request.query
    begun = app.clock.monotonic()
    since = app.clock.now() - timedelta(hours=asked.hours)
    found = app.inspection.job_rows(JobFilter(asked.limit, asked.status, asked.job_type, since))
    info = JobsQueryInfo(
        limit=asked.limit,
        hours_back=asked.hours,
        status_filter=asked.status,
        job_type_filter=asked.job_type,
        total_found=found.total,
        total_is_capped=found.capped,
        execution_time_ms=_elapsed_ms(app, begun),
    )
    return Response(200, JobRows(jobs=found.rows, query_info=info))


def show_job_row(app: Application, request: Request) -> Response:
    """Show the whole row of a job, with its stages and the counts of its tasks."""
    job_id = checked_job_id(request.route["job_id"])
    found = app.inspection.job(job_id)
    if found is None:
        raise JobNotFoundError(job_id)
    return Response(200, found)


def list_task_rows(app: Application, request: Request[TaskRowsQuery]) -> Response:
    """Show the rows of tasks of all jobs created in the last hours, newest first."""
    asked = request.query
    begun = app.clock.monotonic()
    since = app.clock.now() - timedelta(hours=asked.hours)
    wanted = TaskFilter(asked.limit, asked.status, asked.stage, asked.task_type, since)
    found = app.inspection.task_rows(wanted)
    info = TasksQueryInfo(
        limit=asked.limit,
        hours_back=asked.hours,
        status_filter=asked.status,
        stage_filter=asked.stage,
        task_type_filter=asked.task_type,
        total_found=found.total,
        total_is_capped=found.capped,
        execution_time_ms=_elapsed_ms(app, begun),
    )
    return Response(200, TaskRows(tasks=found.rows, query_info=info))


def list_tasks_of_job(app: Application, request: Request[JobTasksQuery]) -> Response:
    """Show all tasks of a job, of all its runs, in order."""
    asked = request.query
    job_id = checked_job_id(request.route["job_id"])
    wanted = JobTaskFilter(job_id, asked.limit + 1, asked.status, asked.stage, asked.cursor)
    rows = app.inspection.job_tasks(wanted)
    if not rows and not app.inspection.has_job(job_id):
        raise JobNotFoundError(job_id)
    page = rows[: asked.limit]
    more = len(rows) > asked.limit
    place = [int(str(page[-1][name])) for name in ("run", "stage", "position")] if more else None
    return Response(
        200, JobTaskRows(job_id=job_id, tasks=page, next_cursor=cursor_of(*place) if place else None)
    )


def show_stats(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """Count jobs and tasks, and measure speeds, tables and connections."""
    return Response(200, app.inspection.stats())


def diagnose_enums(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """Compare the database's enums and transitions with the code's."""
    return Response(200, app.enums())


def check_functions(app: Application, request: Request) -> Response:  # noqa: ARG001 -- asks for nothing
    """Call each SQL function in a transaction that is rolled back."""
    checks = app.functions.check()
    return Response(
        200, FunctionChecks(ok=all(check.current and check.works for check in checks), functions=checks)
    )


def debug_all(app: Application, request: Request[DebugQuery]) -> Response:
    """Show rows of every table in one document."""
    return Response(200, app.inspection.everything(request.query.limit))


def _elapsed_ms(app: Application, begun: float) -> float:
    return round((app.clock.monotonic() - begun) * 1000, 2)


_TAG = "database"

INSPECTION_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "db_jobs",
        "GET",
        "db/jobs",
        Access.READ,
        list_job_rows,
        {200: Answer("The rows, and what was asked.", JobRows)},
        _TAG,
        JobRowsQuery,
    ),
    Route(
        "db_job",
        "GET",
        "db/jobs/{job_id}",
        Access.READ,
        show_job_row,
        {200: Answer("The row.", JobRow)},
        _TAG,
        problems=(404,),
    ),
    Route(
        "db_tasks",
        "GET",
        "db/tasks",
        Access.READ,
        list_task_rows,
        {200: Answer("The rows, and what was asked.", TaskRows)},
        _TAG,
        TaskRowsQuery,
    ),
    Route(
        "db_tasks_of_job",
        "GET",
        "db/tasks/{job_id}",
        Access.READ,
        list_tasks_of_job,
        {200: Answer("A page.", JobTaskRows)},
        _TAG,
        JobTasksQuery,
        problems=(404,),
    ),
    Route("db_stats", "GET", "db/stats", Access.READ, show_stats, {200: Answer("Them.", Statistics)}, _TAG),
    Route(
        "db_enums_diagnostic",
        "GET",
        "db/enums/diagnostic",
        Access.READ,
        diagnose_enums,
        {200: Answer("Both sides, and every difference.", EnumDiagnosis)},
        _TAG,
    ),
    Route(
        "db_functions_test",
        "GET",
        "db/functions/test",
        Access.READ,
        check_functions,
        {200: Answer("A line for each function.", FunctionChecks)},
        _TAG,
    ),
    Route(
        "db_debug_all",
        "GET",
        "db/debug/all",
        Access.ADMIN,
        debug_all,
        {200: Answer("The rows.", Everything)},
        _TAG,
        DebugQuery,
    ),
)
