"""`fabrik run attach`, `resume` and `cancel`: coming back to a run that was dispatched before."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from fabrik.cli import store
from fabrik.cli.ending import show_detached, show_end
from fabrik.cli.follow import Json, Lines, View, follow, last_event
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen
from fabrik.outcome import ExitStatus

if TYPE_CHECKING:
    from fabrik.workflows.stand_by import StandBy

RECENT = 60  # events that `attach` shows of what was before

as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object a line (fabrik docs json)."
)
detach_option = click.option("--detach", is_flag=True, help="Start it and come back at once.")


def view_for(screen: Screen, *, as_json: bool) -> View:
    """How events are shown: for people, or for programs."""
    return Json(screen) if as_json else Lines(screen)


def follow_to_rest(
    run_id: str, screen: Screen, *, after: int, as_json: bool, until: str | None = None
) -> int:
    """Follow a run; its exit status, or 130 when Ctrl-C ended the following. until: see `follow`."""
    try:
        with store.existing() as ledger:
            view = view_for(screen, as_json=as_json)
            run = follow(ledger, run_id, view, after=after, until=until)
            store.wait_for_worker_to_leave(run)
            run = ledger.find_run(run_id)  # a worker that leaves may still have had something to say
    except KeyboardInterrupt:
        return show_detached(run_id, screen, as_json=as_json)
    return show_end(run, screen, as_json=as_json)


def start_and_follow(
    run_id: str,
    screen: Screen,
    *,
    after: int,
    detach: bool,
    as_json: bool,
    started: Callable[[], None] = lambda: None,
    ready_made: StandBy | None = None,
) -> int:
    """Start the worker of a run as it was at the event `after`, then follow it.

    started: called when the worker has the run. ready_made: a process that waits to become it.
    Raises RunBusy, EnvironmentProblem, LedgerError.
    """
    from fabrik.workflows.control import start_worker

    try:
        start_worker(run_id, after=after, ready_made=ready_made)
    except KeyboardInterrupt:
        return show_detached(run_id, screen, as_json=as_json)
    started()
    return follow_unless(detach, run_id, screen, after=after, as_json=as_json)


def follow_unless(detach: bool, run_id: str, screen: Screen, *, after: int, as_json: bool) -> int:
    """Follow a run that a worker has taken up, or say how to."""
    if not detach:
        return follow_to_rest(run_id, screen, after=after, as_json=as_json)
    if not as_json:
        screen.line(f"  follow it    fabrik run attach {short(run_id)}")
        screen.line(f"  look         fabrik runs show {short(run_id)}")
    return ExitStatus.OK


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--from-start", is_flag=True, help="Show all that happened, not only the newest.")
@as_json_option
def attach(run_ref: str, from_start: bool, as_json: bool) -> int:
    """Follow RUN until it ends or waits for a human. The exit status is that of the run.

    \b
    Examples:
      fabrik run attach 7F3KX2QD
      fabrik run attach last --from-start
    """
    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        events = ledger.events(run.id)
    after = 0 if from_start or len(events) <= RECENT else events[-RECENT - 1].seq
    screen = Screen()
    if after and not as_json:
        screen.line(f"({len(events) - RECENT} earlier events: --from-start)", "dim")
    return follow_to_rest(run.id, screen, after=after, as_json=as_json)


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--budget-usd", type=click.FloatRange(min=0), metavar="USD", help="A new budget of the run.")
@click.option("--budget-tokens", type=click.IntRange(min=0), metavar="N", help="A new budget of the run.")
@detach_option
@as_json_option
def resume(
    run_ref: str, budget_usd: float | None, budget_tokens: int | None, detach: bool, as_json: bool
) -> int:
    """Take up RUN where it was: interrupted, blocked, exhausted, failed or cancelled.

    Finished steps are not repeated; the one that was under way starts clean. A run that was exhausted gets
    its sessions and attempts once more, and the budget that you name.

    \b
    Examples:
      fabrik run resume 7F3KX2QD
      fabrik run resume last --budget-usd 20 --detach
    """
    from fabrik.workflows.control import resumable

    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        resumable(run)
        after = last_event(ledger, run.id)
        if budget_usd is not None or budget_tokens is not None:
            ledger.set_budget(run.id, usd=budget_usd, tokens=budget_tokens, by=getpass.getuser())
    return start_and_follow(run.id, Screen(), after=after, detach=detach, as_json=as_json)


@click.command()
@click.argument("run_ref", metavar="RUN")
@as_json_option
def cancel(run_ref: str, as_json: bool) -> int:
    """Stop RUN: end its session and everything that runs in it. What it has made so far is kept.

    \b
    Examples:
      fabrik run cancel 7F3KX2QD
    """
    from fabrik.workflows.control import cancel as cancel_run
    from fabrik.workflows.control import start_worker

    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        after = last_event(ledger, run.id)
    cancel_run(run.id, getpass.getuser())
    screen = Screen()
    # Who resumes the run at once has taken it back: that is not followed.
    status = follow_to_rest(run.id, screen, after=after, as_json=as_json, until="run.verdict")
    with store.existing() as ledger:
        run = ledger.find_run(run.id)
    if run.status in ("running", "waiting") and run.cancel_requested and not run.alive:
        # The worker was leaving already when it was told: another one ends the run.
        start_worker(run.id, cancel=True)
        status = follow_to_rest(run.id, screen, after=after, as_json=as_json, until="run.verdict")
    # 130 is the verdict's status for those who followed the run; this command did what it was asked.
    with store.existing() as ledger:
        return ExitStatus.OK if ledger.find_run(run.id).status == "cancelled" else status
