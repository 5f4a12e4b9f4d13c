"""`fabrik cleanup`: what is left over goes, and runs that have ended, if they are asked for."""

from __future__ import annotations

import asyncio
import json
import time

import click

from fabrik import paths
from fabrik.cli import store
from fabrik.cli.render.left import document, lines
from fabrik.cli.screen import Screen
from fabrik.outcome import ExitStatus
from fabrik.workflows.cleanup.clean import clean
from fabrik.workflows.cleanup.model import Cleaned, Wanted
from fabrik.workflows.cleanup.survey import survey


def _span(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """A length of time such as 7d or 12h, in seconds."""
    from fabrik.config.units import seconds

    try:
        return None if value is None else seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=ctx, param=param) from None


@click.command()
@click.option(
    "--keep", type=click.IntRange(min=0), metavar="N", help="Of each project, keep the newest N ended runs."
)
@click.option(
    "--older-than", callback=_span, metavar="TIME", help="Remove runs that ended longer ago: 7d, 12h."
)
@click.option("--dry-run", is_flag=True, help="Only say what would go, and how much room that makes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object (fabrik docs json).")
def cleanup(keep: int | None, older_than: float | None, dry_run: bool, as_json: bool) -> int:
    """Remove what nobody needs: processes and sandboxes whose worker is gone, what a crash has left behind,
    copies of projects that no run uses. With --keep or --older-than also the files of runs that have ended;
    with both, those that are beyond both.

    A run stays whose work is nowhere else: at the gate, interrupted, with a commit that is in no branch of
    your project, or with files that were not saved. Of every run the ledger keeps what happened. The exit
    status is 1 when something could not be removed.

    \b
    Examples:
      fabrik cleanup --dry-run
      fabrik cleanup --keep 10 --older-than 30d
    """
    wanted = Wanted(keep=keep, older_than=older_than)
    home, screen = paths.home(), Screen()
    with store.reading() as ledger:
        if ledger is None:
            cleaned = Cleaned()
        elif dry_run:
            found = asyncio.run(survey(ledger, home, wanted))
            cleaned = Cleaned(removed=found.going, stayed=found.staying, others=found.others)
        else:
            if not as_json:
                screen.status("looking for what is left over")
            _, cleaned = asyncio.run(clean(ledger, home, wanted))
    screen.clear()
    if as_json:
        screen.line(json.dumps(document(cleaned, dry_run=dry_run), indent=2))
    else:
        for text, tone in lines(cleaned, wanted, dry_run=dry_run, now=time.time(), width=screen.width):
            screen.line(text, tone)
    return ExitStatus.FAILED if cleaned.leaks else ExitStatus.OK
