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
from fabrik.ledger.types import Gate, Run


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
    """Do not let the candidate of RUN ship: the run ends as rejected, and your notes are kept with it."""
    if not notes.strip():
        raise UsageError(
            "say what is wrong or missing", where="--notes", todo='for example --notes "no tests"'
        )
    return _decide(run_ref, approve=False, notes=notes, detach=detach, as_json=as_json)


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
        todo=f"fabrik runs show {ref}",
    )


def _decide(run_ref: str, *, approve: bool, notes: str | None, detach: bool, as_json: bool) -> int:
    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        gates = ledger.gates(run.id)
        gate = next((gate for gate in gates if gate.state == "open"), None)
        if gate is None:
            raise _nothing_to_decide(run, gates[-1] if gates else None)
        after = last_event(ledger, run.id)
        ledger.decide_gate(run.id, gate.number, approve=approve, by=getpass.getuser(), notes=notes)
    store.wait_for_worker_to_leave(run)
    return start_and_follow(run.id, Screen(), after=after, detach=detach, as_json=as_json)
