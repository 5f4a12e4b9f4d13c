"""`fabrik approve` and `fabrik reject`: a human decides at the approval gate."""

from __future__ import annotations

import getpass
import sys

import click

from fabrik.cli import store
from fabrik.cli.follow import last_event
from fabrik.cli.render.runs import short, state
from fabrik.cli.render.words import plural
from fabrik.cli.run_again import as_json_option, detach_option, follow_unless, start_and_follow
from fabrik.cli.screen import Screen
from fabrik.cli.text import one_line
from fabrik.errors import UsageError
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Gate, Run


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--notes", metavar="TEXT", help="Kept with your decision.")
@detach_option
@as_json_option
def approve(run_ref: str, notes: str | None, detach: bool, as_json: bool) -> int:
    """Let the candidate of RUN ship. Look at it first: `fabrik runs show RUN`, `fabrik runs diff RUN`.

    What speaks against the candidate is overridden by your approval; that is said, and recorded for ever.

    \b
    Examples:
      fabrik approve 7F3KX2QD
      fabrik approve last --notes "checked by hand" --detach
    """
    return decide(run_ref, approve=True, notes=notes, detach=detach, as_json=as_json)


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--notes", metavar="TEXT", required=True, help="What is wrong or missing: the agent reads it.")
@click.option("--end", is_flag=True, help="End the run as rejected instead.")
@detach_option
@as_json_option
def reject(run_ref: str, notes: str, end: bool, detach: bool, as_json: bool) -> int:
    """Send the candidate of RUN back: your notes go to the implementer, and the run goes on.

    A new candidate comes to you at a gate of its own. With --end the run ends as rejected, and your notes are
    kept for the next run of its spec.

    \b
    Examples:
      fabrik reject 7F3KX2QD --notes "the empty list is not handled"
      fabrik reject last --notes "not wanted any more" --end
    """
    return decide(run_ref, approve=False, notes=notes, end=end, detach=detach, as_json=as_json)


def decide(
    run_ref: str, *, approve: bool, notes: str | None, detach: bool, as_json: bool, end: bool = False
) -> int:
    """Decide the open gate of a run, start its worker and follow it; the exit status.

    Raises UsageError when there is nothing to decide, or a rejection says nothing.
    """
    if not approve and not (notes or "").strip():
        raise UsageError(
            "say what is wrong or missing", where="--notes", todo='for example --notes "no tests"'
        )
    from fabrik.workflows.known_secrets import redactor

    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        gate, last = open_gate(ledger, run.id)
        if gate is None:
            raise _nothing_to_decide(run, last)
        after = last_event(ledger, run.id)
        by = getpass.getuser()
        said = redactor().value(notes)
        ledger.decide_gate(run.id, gate.number, approve=approve, by=by, notes=said, end=end)
    if approve:
        _say_what_is_overridden(gate)
    if store.taken_up(run):
        return follow_unless(detach, run.id, Screen(), after=after, as_json=as_json)
    return start_and_follow(run.id, Screen(), after=after, detach=detach, as_json=as_json)


def open_gate(ledger: Ledger, run_id: str) -> tuple[Gate | None, Gate | None]:
    """The gate of a run that waits for a decision, and its last gate."""
    gates = ledger.gates(run_id)
    last = gates[-1] if gates else None
    return (last if last is not None and last.state == "open" else None), last


def _say_what_is_overridden(gate: Gate) -> None:
    if not gate.marks:
        return
    screen = Screen(sys.stderr)
    against = plural(len(gate.marks), "mark")
    screen.line(f"OVERRIDDEN by your approval, and recorded as such: {against} against the candidate", "bad")
    for mark in gate.marks:
        screen.line(f"  ! {one_line(mark, 400)}", "bad")


def _nothing_to_decide(run: Run, last: Gate | None) -> UsageError:
    ref = short(run.id)
    if last is not None and run.status == "waiting":  # decided, and no worker has taken it up since
        return UsageError(
            f"this was {last.state} already by {last.decided_by}",
            where=f"run {ref}",
            todo=f"fabrik run resume {ref}",
        )
    return UsageError(
        f"nothing waits for a decision: the run is {state(run)}",
        where=f"run {ref}",
        todo=f"fabrik why {ref}",
    )
