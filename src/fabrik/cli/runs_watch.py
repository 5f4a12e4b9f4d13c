"""`fabrik runs watch`: follow one run from now on, or all that are under way."""

from __future__ import annotations

import click

from fabrik.cli import store
from fabrik.cli.ending import show_end
from fabrik.cli.follow import Json, Lines, follow, last_event
from fabrik.cli.follow import watch as watch_all
from fabrik.cli.screen import Screen


@click.command()
@click.argument("run_ref", metavar="[RUN]", required=False)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line for each event (fabrik docs json)."
)
def watch(run_ref: str | None, as_json: bool) -> int:
    """Follow RUN, or every run that is under way, new ones included, until all have come to rest.

    The exit status with RUN is that of the run; without, it is 0. Ctrl-C stops watching, not the runs.

    \b
    Examples:
      fabrik runs watch
      fabrik runs watch 7F3KX2QD --json
    """
    screen = Screen()
    with store.existing() as ledger:
        if run_ref is None:
            watch_all(ledger, Json(screen) if as_json else Lines(screen, several=True))
            return 0
        run = ledger.find_run(run_ref)
        view = Json(screen) if as_json else Lines(screen)
        run = follow(ledger, run.id, view, after=last_event(ledger, run.id))
    return show_end(run, screen, as_json=as_json)
