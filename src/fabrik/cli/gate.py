"""`fabrik approve` and `fabrik reject`: a human decides at the approval gate."""

from __future__ import annotations

import getpass

import click

from fabrik.cli import store
from fabrik.cli.follow import last_event
from fabrik.cli.render.runs import short, state
from fabrik.cli.run_again import as_json_option, detach_option, start_and_follow
from fabrik.cli.screen import Screen
from fabrik.errors import UsageError


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--notes", metavar="TEXT", help="Kept with your decision.")
@detach_option
@as_json_option
def approve(run_ref: str, notes: str | None, detach: bool, as_json: bool) -> int:
    """Let the candidate of RUN ship. Look at its evidence first: `fabrik runs show RUN` says where it is."""
    return _decide(run_ref, approve=True, notes=notes, detach=detach, as_json=as_json)


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--notes", metavar="TEXT", required=True, help="What is wrong or missing.")
@detach_option
@as_json_option
def reject(run_ref: str, notes: str, detach: bool, as_json: bool) -> int:
    """Do not let the candidate of RUN ship; your notes are kept with the decision."""
    if not notes.strip():
        raise UsageError(
            "say what is wrong or missing", where="--notes", todo='for example --notes "no tests"'
        )
    return _decide(run_ref, approve=False, notes=notes, detach=detach, as_json=as_json)


def _decide(run_ref: str, *, approve: bool, notes: str | None, detach: bool, as_json: bool) -> int:
    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        gate = next((gate for gate in ledger.gates(run.id) if gate.state == "open"), None)
        if gate is None:
            raise UsageError(
                f"nothing waits for a decision: the run is {state(run)}",
                where=f"run {short(run.id)}",
                todo=f"fabrik runs show {short(run.id)}",
            )
        after = last_event(ledger, run.id)
        ledger.decide_gate(run.id, gate.number, approve=approve, by=getpass.getuser(), notes=notes)
    store.wait_for_worker_to_leave(run)
    return start_and_follow(run.id, Screen(), after=after, detach=detach, as_json=as_json)
