"""``geojobs``: the commands, and the options that stand before them."""

from typing import Annotated

import typer

from geojobs_client.client import GeoJobs
from geojobs_client.commands import jobs, poison, reading
from geojobs_client.commands.session import Session
from geojobs_client.server import DEFAULT_URL, KEY, TOKEN, URL
from geojobs_client.version import __version__

app = typer.Typer(
    name="geojobs",
    help="Submit, follow and steer geospatial jobs.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # a traceback would show the key
    context_settings={"help_option_names": ["-h", "--help"]},
)

for name, command in (
    ("submit", jobs.submit),
    ("status", jobs.status),
    ("list", reading.list_jobs),
    ("tasks", reading.list_tasks),
    ("events", reading.list_events),
    ("result", jobs.result),
    ("cancel", jobs.cancel),
    ("retry", jobs.retry),
    ("rerun", jobs.rerun),
    ("types", reading.list_types),
    ("describe", reading.describe),
    ("health", reading.health),
):
    app.command(name)(command)
app.add_typer(poison.app, name="poison")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"geojobs {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    *,
    url: Annotated[str | None, typer.Option(envvar=URL, help=f"The API's address. [{DEFAULT_URL}]")] = None,
    key: Annotated[
        str | None,
        typer.Option(envvar=KEY, help="A function or master key; the variable hides it from process lists."),
    ] = None,
    token: Annotated[str | None, typer.Option(envvar=TOKEN, help="A bearer token of Entra.")] = None,
    request_timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for each request.")] = 30.0,
    version: Annotated[  # noqa: ARG001 -- its callback has shown it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Submit, follow and steer geospatial jobs."""
    ctx.obj = Session(lambda: GeoJobs(url, key=key, token=token, timeout=request_timeout))


def main() -> None:
    """The console script's entry."""
    app()
