"""Arguments and options that several commands share."""

from typing import Annotated, TypeAlias

import typer

from geojobs_client.commands.completion import complete_job_type

JobId: TypeAlias = Annotated[str, typer.Argument(metavar="JOB_ID", help="The job's id, 64 hex digits.")]
JobTypeName: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="TYPE",
        help="A job type; 'geojobs types' lists them.",
        autocompletion=complete_job_type,
    ),
]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Write JSON to standard output; messages go to standard error.")
]
Wait: TypeAlias = Annotated[
    bool, typer.Option("--wait", help="Wait for the job's end; the exit code says how it ended.")
]
WaitSeconds: TypeAlias = Annotated[
    float | None,
    typer.Option("--timeout", min=0.0, help="Seconds to wait at most; without it as long as the job takes."),
]


def _without_all(ctx: typer.Context, limit: int | None) -> int | None:
    if limit is not None and ctx.params.get("everything"):
        raise typer.BadParameter("is of one page, and --all has all of them")
    return limit


All: TypeAlias = Annotated[
    bool, typer.Option("--all", is_eager=True, help="All pages, with --cursor all that follow.")
]
Limit: TypeAlias = Annotated[
    int | None,
    typer.Option("--limit", min=1, max=1000, callback=_without_all, help="Rows on a page; not with --all."),
]
Cursor: TypeAlias = Annotated[
    str | None, typer.Option("--cursor", help="Continue where the page before ended.")
]
