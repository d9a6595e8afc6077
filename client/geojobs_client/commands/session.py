"""The connection that a command uses, and how its errors become messages and exit codes."""

import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import typer

from geojobs_client.client import GeoJobs
from geojobs_client.commands.exits import Exit, exit_of_error
from geojobs_client.commands.output import say
from geojobs_client.errors import ApiError, GeoJobsError

Connect = Callable[[], GeoJobs]


@dataclass(frozen=True)
class Session:
    """What the options before the command say; holds secrets, and so shows nothing of itself."""

    connect: Connect = field(repr=False)


@contextmanager
def connected(ctx: typer.Context) -> Generator[GeoJobs]:
    """A client for one command; an error of ours ends the command with a message and its exit code."""
    session = ctx.find_object(Session)
    assert session is not None  # noqa: S101 -- the callback before every command makes it
    with reported(), session.connect() as geojobs:
        yield geojobs


@contextmanager
def reported() -> Generator[None]:
    try:
        yield
    except OSError as exc:
        if exc.errno == errno.EPIPE:  # nobody reads any more, as behind "| head"
            raise
        say(f"geojobs: {exc.filename} could not be written: {exc.strerror}")
        raise typer.Exit(Exit.ERROR) from exc
    except GeoJobsError as exc:
        _report(exc)
        raise typer.Exit(exit_of_error(exc)) from exc


def _report(error: GeoJobsError) -> None:
    say(f"geojobs: {error}")
    if isinstance(error, ApiError):
        for each in error.errors:
            if each.message not in error.detail:
                say(f"  {each.pointer or '/'}: {each.message}")
        if error.correlation_id:
            say(f"  correlation id {error.correlation_id}")
