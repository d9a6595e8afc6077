"""Commands for the messages that nobody could use."""

from typing import Annotated

import typer

from geojobs_client.commands import options
from geojobs_client.commands.output import say, write_facts, write_json, write_table
from geojobs_client.commands.session import connected
from geojobs_client.models import DeadLetter, PoisonPage

app = typer.Typer(
    help="See, judge, replay and dispose of messages that nobody could use.", no_args_is_help=True
)

Number = Annotated[int, typer.Argument(metavar="NUMBER", min=0, help="The dead letter's number.")]


@app.command("list")
def list_poison(
    ctx: typer.Context,
    limit: options.Limit = None,
    cursor: options.Cursor = None,
    everything: options.All = False,
    as_json: options.AsJson = False,
) -> None:
    """List the dead letters, newest first, and how deep the poison queues are."""
    with connected(ctx) as geojobs:
        page = geojobs.poison_page(limit=limit, cursor=cursor)
        if everything and page.next_cursor is not None:
            rest = geojobs.poison(cursor=page.next_cursor)
            page = PoisonPage(queues=page.queues, dead_letters=(*page.dead_letters, *rest))
    if as_json:
        write_json(page)
        return
    write_facts(page.queues.items())
    write_table(
        ["number", "queue", "verdict", "job_id", "last_seen_at", "error"], map(_row, page.dead_letters)
    )
    if page.next_cursor is not None:
        say(f"there may be more: --cursor {page.next_cursor}, or --all")


@app.command("process")
def process(ctx: typer.Context, as_json: options.AsJson = False) -> None:
    """Judge what is in the poison queues now."""
    with connected(ctx) as geojobs:
        found = geojobs.process_poison()
    if as_json:
        write_json(found)
    else:
        write_facts([("processed", found.processed), *found.verdicts.items()])


@app.command("replay")
def replay(ctx: typer.Context, number: Number, as_json: options.AsJson = False) -> None:
    """Send the message that the work it names waits for."""
    with connected(ctx) as geojobs:
        sent = geojobs.replay_poison(number)
    if as_json:
        write_json(sent)
    else:
        write_facts([("number", sent.dead_letter_id), ("message", sent.message)])


@app.command("dispose")
def dispose(ctx: typer.Context, number: Number, as_json: options.AsJson = False) -> None:
    """Note that nothing is to be done."""
    with connected(ctx) as geojobs:
        done = geojobs.dispose_poison(number)
    if as_json:
        write_json(done)
    else:
        write_facts([("number", done.dead_letter_id), ("disposed", done.disposed)])


def _row(letter: DeadLetter) -> tuple[object, ...]:
    error = f"{letter.error_code}: {letter.error}"
    return (
        letter.dead_letter_id,
        letter.queue,
        letter.verdict,
        letter.job_id,
        letter.last_seen_at,
        error,
    )
