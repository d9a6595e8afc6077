"""Commands that list and describe."""

from datetime import datetime
from typing import Annotated

import typer

from geojobs_client.commands import options
from geojobs_client.commands.completion import complete_job_type
from geojobs_client.commands.exits import Exit
from geojobs_client.commands.output import (
    answers,
    say,
    shown,
    write_facts,
    write_json,
    write_json_line,
    write_table,
)
from geojobs_client.commands.session import connected
from geojobs_client.models import (
    Entity,
    Event,
    JobPage,
    JobStatus,
    JobSummary,
    JobType,
    JSONObject,
    Task,
    TaskPage,
    TaskStatus,
)

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]


def list_jobs(
    ctx: typer.Context,
    *,
    status: Annotated[JobStatus | None, typer.Option("--status", help="Only those in this state.")] = None,
    job_type: Annotated[
        str | None,
        typer.Option("--type", help="Only those of this type.", autocompletion=complete_job_type),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_TIMES, help="Created at or after this time (UTC).")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", formats=_TIMES, help="Created before this time (UTC).")
    ] = None,
    limit: options.Limit = None,
    cursor: options.Cursor = None,
    everything: options.All = False,
    as_json: options.AsJson = False,
) -> None:
    """List jobs, newest first."""
    with connected(ctx) as geojobs:
        if everything:
            found = geojobs.jobs(status=status, job_type=job_type, since=since, until=until, cursor=cursor)
            page = JobPage(jobs=tuple(found))
        else:
            page = geojobs.jobs_page(
                status=status, job_type=job_type, since=since, until=until, limit=limit, cursor=cursor
            )
    if as_json:
        write_json(page)
        return
    write_table(["job_id", "job_type", "status", "run", "stage", "created_at"], map(_job_row, page.jobs))
    _say_more(page.next_cursor)


def list_tasks(
    ctx: typer.Context,
    job_id: options.JobId,
    *,
    status: Annotated[TaskStatus | None, typer.Option("--status", help="Only those in this state.")] = None,
    stage: Annotated[int | None, typer.Option("--stage", min=1, help="Only those of this stage.")] = None,
    limit: options.Limit = None,
    cursor: options.Cursor = None,
    everything: options.All = False,
    as_json: options.AsJson = False,
) -> None:
    """List a job's tasks, of all its runs, in order."""
    with connected(ctx) as geojobs:
        if everything:
            found = geojobs.tasks(job_id, status=status, stage=stage, cursor=cursor)
            page = TaskPage(job_id=job_id, tasks=tuple(found))
        else:
            page = geojobs.tasks_page(job_id, status=status, stage=stage, limit=limit, cursor=cursor)
    if as_json:
        write_json(page)
        return
    headings = ["run", "stage", "task", "task_type", "status", "attempt", "seconds", "error"]
    write_table(headings, map(_task_row, page.tasks))
    _say_more(page.next_cursor)


def list_events(
    ctx: typer.Context,
    job_id: options.JobId,
    *,
    run: Annotated[int | None, typer.Option("--run", min=1, help="Only those of this run.")] = None,
    entity: Annotated[Entity | None, typer.Option("--entity", help="Only those about this.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show a job's audit trail: every transition, oldest first. With --json one object on each line."""
    console = answers()
    with connected(ctx) as geojobs:
        for event in geojobs.events(job_id, run=run, entity=entity, follow=follow):
            if as_json:
                write_json_line(event)
            else:
                console.print(_event_line(event), soft_wrap=True)


def list_types(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """List the job types that can be submitted."""
    with connected(ctx) as geojobs:
        found = geojobs.job_types()
    if as_json:
        write_json({"job_types": found})
    else:
        write_table(["job_type", "description"], [(each.job_type, each.description) for each in found])


def describe(ctx: typer.Context, job_type: options.JobTypeName, as_json: options.AsJson = False) -> None:
    """Describe a job type: its stages, its parameters, an example."""
    with connected(ctx) as geojobs:
        found = geojobs.describe(job_type)
    if as_json:
        write_json(found)
        return
    write_facts(
        [
            ("job_type", found.job_type),
            ("description", found.description),
            *((f"stage {each.stage}", f"{each.name}: {each.description}") for each in found.stages),
            ("example", found.example),
        ]
    )
    write_table(["parameter", "type", "default", "description"], _parameter_rows(found))


def health(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """Ask how the system is; exit code 9 where it cannot work."""
    with connected(ctx) as geojobs:
        found = geojobs.health()
    if as_json:
        write_json(found)
    else:
        write_facts([("status", found.status), ("checked_at", found.checked_at)])
        rows = [
            (name, each.state, f"{each.latency_ms:.1f}", each.message)
            for name, each in found.components.items()
        ]
        write_table(["component", "state", "ms", "message"], rows)
    if found.is_unhealthy:
        raise typer.Exit(Exit.UNAVAILABLE)


def _job_row(job: JobSummary) -> tuple[object, ...]:
    return job.job_id, job.job_type, job.status, job.run, f"{job.stage}/{job.total_stages}", job.created_at


def _task_row(task: Task) -> tuple[object, ...]:
    took = (task.finished_at - task.started_at) if task.started_at and task.finished_at else None
    return (
        task.run,
        task.stage,
        task.task_index,
        task.task_type,
        task.status,
        f"{task.attempt}/{task.max_attempts}",
        None if took is None else f"{took.total_seconds():.2f}",
        task.error and f"{task.error.code}: {task.error.message}",
    )


def _event_line(event: Event) -> str:
    subject = event.task_id or (f"stage {event.stage}" if event.entity == "stage" else event.entity)
    change = f"{event.from_status} -> {event.to_status}" if event.from_status else event.to_status
    parts = [shown(event.at), f"run {event.run}", subject, event.event, change]
    if event.attempt is not None:
        parts.append(f"attempt {event.attempt}")
    if event.reason:
        parts.append(event.reason)
    return "  ".join(map(shown, parts))


def _parameter_rows(job_type: JobType) -> list[tuple[object, ...]]:
    schema = job_type.parameters_schema
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        return []
    needed = required if isinstance(required, list) else []
    rows: list[tuple[object, ...]] = []
    for name, each in properties.items():
        facts = each if isinstance(each, dict) else {}
        default = "required" if name in needed else facts.get("default")
        rows.append((name, _type_text(facts), default, facts.get("description")))
    return rows


def _type_text(facts: JSONObject) -> str:
    """A JSON Schema's type in a word or two; alternatives are joined."""
    alternatives = facts.get("anyOf")
    if isinstance(alternatives, list):
        return " or ".join(_type_text(each) for each in alternatives if isinstance(each, dict))
    return str(facts.get("type") or facts.get("enum") or facts.get("const") or "object")


def _say_more(cursor: str | None) -> None:
    if cursor is not None:
        say(f"there may be more: --cursor {cursor}, or --all")
