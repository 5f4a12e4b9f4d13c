"""`fabrik why`: what a run is doing or waiting for, since when, what it has cost, and what would move it."""

from __future__ import annotations

import json
import time

import click

from fabrik.cli import store
from fabrik.cli.follow import recent_events
from fabrik.cli.render.runs import short
from fabrik.cli.render.standing import standing_json, standing_lines
from fabrik.cli.screen import Screen
from fabrik.cli.text import one_line


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="One JSON object (fabrik docs json).")
def why(run_ref: str, as_json: bool) -> None:
    """Say what RUN is doing or waiting for, since when, what it has cost, and what would move it.

    \b
    Examples:
      fabrik why 7F3KX2QD
      fabrik why last --json
    """
    from fabrik.workflows.record import read
    from fabrik.workflows.standing import budget, standing

    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        record = read(ledger, run)
        events = recent_events(ledger, run.id)
    now = time.time()
    found, bounds = standing(record, events, now=now), budget(record, events)
    screen = Screen()
    if as_json:
        screen.line(json.dumps(standing_json(run, found, bounds), indent=2))
        return
    screen.line(
        f"{screen.paint('run ' + short(run.id), 'strong')}  {one_line(run.spec_id)}: "
        f"{one_line(run.spec_title)}"
    )
    for text, tone in standing_lines(run, found, bounds, now=now, width=screen.width):
        screen.line(text, tone)
