"""`fabrik runs feedback`: what people said about a run."""

from __future__ import annotations

import json

import click

from fabrik.cli import store, units
from fabrik.cli.render.history import feedback_json
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen
from fabrik.cli.text import indent, neutralise, one_line
from fabrik.errors import UsageError


@click.command("feedback")
@click.argument("run_ref", metavar="[RUN]", required=False)
@click.option("--id", "run_id", metavar="RUN", help="The run; the same as the argument.")
@click.option("--json", "as_json", is_flag=True, help="A list as JSON (fabrik docs json).")
def runs_feedback(run_ref: str | None, run_id: str | None, as_json: bool) -> None:
    """List what people said about RUN: when, who, what they decided, and where it was used.

    \b
    Examples:
      fabrik runs feedback 7F3KX2QD
      fabrik runs feedback last --json
    """
    if (run_ref is None) == (run_id is None):
        raise UsageError(
            "which run?" if run_ref is None else "the run is named twice", todo="fabrik runs feedback RUN"
        )
    with store.existing() as ledger:
        run = ledger.find_run(run_ref or run_id or "")
        found = ledger.feedback(run.id)
    screen = Screen()
    if as_json:
        screen.line(json.dumps([feedback_json(said) for said in found], indent=2))
        return
    if not found:
        screen.line(f"Nobody has said anything about run {short(run.id)}.")
        return
    for said in found:
        overriding = ", overriding what spoke against it" if said.overriding else ""
        gate = f" at gate {said.gate}" if said.gate is not None else ""
        place = said.used_by or (f"feedback/{said.gate}" if said.decision == "rejected" and said.gate else "")
        used = f"  used in {one_line(place, 60)}" if place else ""
        who = f"{units.moment(said.created_at)}  {one_line(said.decided_by, 30)}"
        screen.line(f"{who}  {said.decision}{gate}{overriding}{used}", "bad" if said.overriding else "strong")
        if said.notes:
            screen.line(indent(neutralise(said.notes).rstrip(), "    "))
