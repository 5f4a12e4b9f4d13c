"""`fabrik runs`: what is going on, what happened, and why. Reads the ledger and nothing else."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click

from fabrik.cli import store
from fabrik.cli.lazy import Entry, LazyGroup
from fabrik.cli.render.runs import TONES, row, run_json, short, state, table
from fabrik.cli.screen import Screen

if TYPE_CHECKING:
    from fabrik.ledger.types import RunStatus

STATES = ["running", "waiting", "shipped", "done", "rejected", "blocked", "exhausted", "failed", "cancelled"]

COMMANDS = {
    "show": Entry(target="fabrik.cli.runs_show:show", help="Everything about one run."),
    "watch": Entry(target="fabrik.cli.runs_watch:watch", help="Follow one run, or all that are under way."),
    "logs": Entry(target="fabrik.cli.runs_logs:logs", help="The logs of a run's sessions and checks."),
    "diff": Entry(target="fabrik.cli.runs_diff:diff", help="What a run's candidate changes."),
    "feedback": Entry(target="fabrik.cli.runs_feedback:runs_feedback", help="What people said about a run."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, no_args_is_help=True)
def runs() -> None:
    """See what happens, what happened, and why."""


@runs.command("list", short_help="The newest runs, one line each.")
@click.option("-n", "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="So many.")
@click.option("-a", "--all", "everything", is_flag=True, help="All of them.")
@click.option("--workflow", metavar="NAME", help="Only runs of it: ship, loop, backlog, review, judge, …")
@click.option("--status", type=click.Choice(STATES), help="Only runs with this status.")
@click.option("--json", "as_json", is_flag=True, help="A list of runs as JSON (fabrik docs json).")
def list_runs(
    limit: int, everything: bool, workflow: str | None, status: RunStatus | None, as_json: bool
) -> None:
    """The newest runs first, one line each.

    A run whose worker was killed is shown as `interrupted`; `fabrik run resume ID` takes it up again.
    Ids can be shortened to any beginning or end that is unique. What `fabrik judge` was asked is shown with
    --all or --workflow judge only.

    \b
    Examples:
      fabrik runs list
      fabrik runs list --status waiting -n 5
      fabrik runs list --all --json
    """
    most = None if everything else limit
    without = None if everything or workflow else "judge"
    with store.reading() as ledger:
        found = (
            ledger.list_runs(limit=most, status=status, workflow=workflow, without=without) if ledger else []
        )
    screen = Screen()
    if as_json:
        screen.line(json.dumps([run_json(run) for run in found], indent=2))
        return
    if not found:
        screen.line("There are no runs" + (f" with the status {status}." if status else " yet."))
        return
    now = time.time()
    heading, *lines = table([row(run, now) for run in found])
    screen.line(heading, "dim")
    for run, line in zip(found, lines, strict=True):
        name = state(run)
        # The second cell stands between the first two gaps of the table; only it is coloured.
        before, after = line[: len(short(run.id)) + 2], line[len(short(run.id)) + 2 + len(name) :]
        screen.line(before + screen.paint(name, TONES.get(name, "plain")) + after)
    if interrupted := [run for run in found if state(run) == "interrupted"]:
        from fabrik.workflows.registry import take_up

        screen.line()
        screen.line(f"{len(interrupted)} interrupted, nothing is lost. To go on: {take_up(interrupted[0])}")
