"""Commands that submit, follow and steer jobs."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer

from geojobs_client.client import GeoJobs
from geojobs_client.commands import options
from geojobs_client.commands.exits import Exit, exit_of_job
from geojobs_client.commands.output import say, write_facts, write_json
from geojobs_client.commands.parameters import parameters_of
from geojobs_client.commands.progress import JobProgress
from geojobs_client.commands.session import connected
from geojobs_client.models import Control, DryRun, Job, Stage, Trial


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


def submit(
    ctx: typer.Context,
    job_type: options.JobTypeName,
    parameters: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE...", help="Values are JSON where they are JSON, else texts."),
    ] = None,
    *,
    params: Annotated[
        str | None,
        typer.Option(
            "--params", metavar="JSON|@FILE", help="All parameters as a JSON object; @- reads stdin."
        ),
    ] = None,
    wait: options.Wait = False,
    timeout: options.WaitSeconds = None,
    callback_url: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="Is told of the job's end.")
    ] = None,
    priority: Annotated[Priority | None, typer.Option("--priority", help="Against other jobs.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, store nothing.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Submit a job. The same type and parameters are the same job, so to repeat this is safe."""
    wanted = parameters_of(parameters or [], params)
    with connected(ctx) as geojobs:
        if dry_run:
            _show_plan(geojobs.dry_run(job_type, wanted), as_json)
            return
        found = geojobs.submit(job_type, wanted, priority=priority, callback_url=callback_url)
        say(f"job {found.job_id} {'submitted' if found.created else f'was there already, {found.status}'}")
        if wait:
            _wait(geojobs, found.job_id, timeout, as_json)
        elif as_json:
            write_json(found)
        else:
            typer.echo(found.job_id)


def status(
    ctx: typer.Context,
    job_id: options.JobId,
    wait: options.Wait = False,
    timeout: options.WaitSeconds = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how a job is."""
    with connected(ctx) as geojobs:
        if wait:
            _wait(geojobs, job_id, timeout, as_json)
        else:
            _show(geojobs.status(job_id), as_json)


def result(
    ctx: typer.Context,
    job_id: options.JobId,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it here, whole or not at all."),
    ] = None,
    as_json: options.AsJson = False,  # noqa: ARG001 -- it is JSON anyway
) -> None:
    """Write a job's result, which is JSON, to standard output or into a file."""
    with connected(ctx) as geojobs, geojobs.result_stream(job_id) as pieces:
        if output is None or str(output) == "-":
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            _write_whole(output, pieces)
            say(f"result written to {output}")


def cancel(
    ctx: typer.Context,
    job_id: options.JobId,
    reason: Annotated[str | None, typer.Option("--reason", help="For the audit trail.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Stop a job; again is no error."""
    with connected(ctx) as geojobs:
        _show_control(geojobs.cancel(job_id, reason=reason), as_json)


def retry(
    ctx: typer.Context,
    job_id: options.JobId,
    wait: options.Wait = False,
    timeout: options.WaitSeconds = None,
    as_json: options.AsJson = False,
) -> None:
    """Resume a failed or cancelled job where it stopped."""
    with connected(ctx) as geojobs:
        _told(geojobs, geojobs.retry(job_id), wait, timeout, as_json)


def rerun(
    ctx: typer.Context,
    job_id: options.JobId,
    wait: options.Wait = False,
    timeout: options.WaitSeconds = None,
    as_json: options.AsJson = False,
) -> None:
    """Run an ended job anew, from its first stage."""
    with connected(ctx) as geojobs:
        _told(geojobs, geojobs.rerun(job_id), wait, timeout, as_json)


def _told(geojobs: GeoJobs, told: Control, wait: bool, timeout: float | None, as_json: bool) -> None:
    if wait:
        say(f"job {told.job_id} is {told.status}, run {told.run}")
        _wait(geojobs, told.job_id, timeout, as_json)
    else:
        _show_control(told, as_json)


def _wait(geojobs: GeoJobs, job_id: str, timeout: float | None, as_json: bool) -> None:
    """Ends the command with the exit code of the job's end."""
    try:
        with JobProgress() as progress:
            job = geojobs.wait(job_id, timeout=timeout, on_update=progress)
    except KeyboardInterrupt:
        say(f"the job goes on; to wait for it again: geojobs status {job_id} --wait")
        raise typer.Exit(Exit.INTERRUPTED) from None
    _show(job, as_json)
    raise typer.Exit(exit_of_job(job.status))


def _show(job: Job, as_json: bool) -> None:
    if as_json:
        write_json(job)
        return
    left = job.estimated_seconds_left
    write_facts(
        [
            ("job_id", job.job_id),
            ("job_type", job.job_type),
            ("status", job.status),
            ("run", job.run),
            ("progress", f"{job.progress:g} %"),
            ("time left", None if left is None else f"about {left:.0f} s"),
            *((f"stage {each.stage}/{job.total_stages}", _stage_text(each)) for each in job.stages),
            ("error", job.error and f"{job.error.code}: {job.error.message}"),
            ("result", job.result_data),
            ("created_at", job.created_at),
            ("started_at", job.started_at),
            ("finished_at", job.finished_at),
            ("correlation", job.correlation_id),
        ]
    )


def _stage_text(stage: Stage) -> str:
    return (
        f"{stage.name}: {stage.status}, {stage.completed} of {stage.expected} completed, "
        f"{stage.failed} failed, {stage.running} running"
    )


def _show_control(told: Control, as_json: bool) -> None:
    if as_json:
        write_json(told)
    else:
        write_facts(
            [("job_id", told.job_id), ("status", told.status), ("run", told.run), ("stage", told.stage)]
        )


def _show_plan(plan: DryRun, as_json: bool) -> None:
    if as_json:
        write_json(plan)
        return
    tasks = "none" if plan.first_stage_tasks is None else plan.first_stage_tasks
    write_facts(
        [
            ("job_id", plan.job_id),
            ("job_type", plan.job_type),
            ("parameters", plan.parameters),
            *((f"stage {each.stage}", f"{each.name} ({each.task_type})") for each in plan.stages),
            ("first tasks", tasks),
            *(() if plan.trial is None else _tried(plan.trial)),
        ]
    )


def _tried(trial: Trial) -> Iterator[tuple[str, object]]:
    """What the stages that were tried left, and what is in the job's way."""
    yield "stages tried", trial.stages_run
    for result in trial.results:
        yield "found", result
    if trial.problem is not None:
        yield "problem", f"{trial.problem.code} in stage {trial.problem.stage}: {trial.problem.message}"


def _write_whole(path: Path, pieces: Iterator[bytes]) -> None:
    """Under another name until it is complete, so that nobody reads half of it; a device as it is."""
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            device.writelines(pieces)
        return
    partial = path.parent / f".geojobs-{token_hex(8)}.part"
    try:
        with partial.open("xb") as file:  # with the rights that the umask leaves a new file
            file.writelines(pieces)
        partial.replace(path)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, str(path)) from exc
    finally:
        with suppress(OSError):
            partial.unlink()
