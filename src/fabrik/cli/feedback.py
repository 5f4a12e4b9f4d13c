"""`fabrik feedback`: a person says something about a run, at any time."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from fabrik.cli import store
from fabrik.cli.render.runs import short
from fabrik.cli.screen import Screen
from fabrik.errors import UsageError
from fabrik.workflows.registry import OF_SPECS, take_up

if TYPE_CHECKING:
    from fabrik.ledger.store import Ledger
    from fabrik.ledger.types import Run

Said = Literal["approved", "rejected", "noted"]


@click.command()
@click.argument("run_ref", metavar="[RUN]", required=False)
@click.option("--spec", type=click.Path(path_type=Path), metavar="PATH", help="The last run of this spec.")
@click.option(
    "--decision",
    type=click.Choice(["approved", "rejected", "noted"]),
    default="noted",
    show_default=True,
    help="At an open gate, the first two decide it.",
)
@click.option("--notes", metavar="TEXT", help="What you have to say. Only an approval can do without.")
@click.option("--detach", is_flag=True, help="Where this decides a gate: come back at once.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON (fabrik docs json).")
def feedback(
    run_ref: str | None, spec: Path | None, decision: Said, notes: str | None, detach: bool, as_json: bool
) -> int | None:
    """Say something about RUN, or about the last run of a spec. It is recorded, and agents are told.

    \b
    Examples:
      fabrik feedback 7F3KX2QD --notes "use the existing parser"
      fabrik feedback --spec specs/0001-search.md --decision rejected --notes "too slow on big files"

    While a run waits at its gate, `--decision approved` and `rejected` do what `fabrik approve` and `fabrik
    reject` do. Otherwise your words are recorded: a run that is under way is told in its next session, the
    next run of the spec when it is dispatched.
    """
    from fabrik.cli.gate import decide, open_gate

    with store.existing() as ledger:
        run = _run(ledger, run_ref, spec)
        gate, _ = open_gate(ledger, run.id)
        decides = decision != "noted" and run.status == "waiting" and gate is not None
        if not decides:
            if not (notes or "").strip():
                raise UsageError(
                    "say something", where="--notes", todo='for example --notes "use the existing parser"'
                )
            from fabrik.workflows.known_secrets import redactor

            clean = redactor().text(notes or "")
            said = ledger.add_feedback(run.id, decision=decision, by=getpass.getuser(), notes=clean)
    if decides:
        return decide(run.id, approve=decision == "approved", notes=notes, detach=detach, as_json=as_json)
    screen = Screen()
    if as_json:
        from fabrik.cli.render.history import feedback_json

        screen.line(json.dumps(feedback_json(said), indent=2))
        return None
    screen.line(f"Recorded for run {short(run.id)}. {_when_used(run, decision)}")
    screen.line(f"  what people said    fabrik runs feedback {short(run.id)}")
    return None


def _run(ledger: Ledger, run_ref: str | None, spec: Path | None) -> Run:
    """The run that is meant. Raises UsageError."""
    if (run_ref is None) == (spec is None):
        what = "name a run or a spec" if run_ref is None else "a run and --spec exclude each other"
        raise UsageError(
            what, todo='fabrik feedback RUN --notes TEXT, or --spec PATH; "last" is the last run'
        )
    if run_ref is not None:
        return ledger.find_run(run_ref)
    assert spec is not None  # noqa: S101 - one of the two is there
    wanted = {str(spec.absolute()), str(spec.resolve())}
    for run in ledger.list_runs(limit=None):
        if run.workflow in OF_SPECS and run.spec_path in wanted:
            return run
    raise UsageError(
        "no run of this spec is known",
        where=str(spec),
        todo="`fabrik runs list` shows the runs and their specs",
    )


def _when_used(run: Run, decision: Said) -> str:
    """When an agent is told."""
    if decision != "noted":
        return "The next run of its spec is told when it is dispatched."
    match run.status:
        case "running":
            alive = "" if run.alive else f", after `{take_up(run)}`"
            return f"It is used in the next implementing session of the run{alive}."
        case "waiting":
            return (
                "The run waits for your decision: after a rejection the implementer is told;"
                " otherwise the next run of its spec is."
            )
        case "blocked" | "exhausted" | "failed" | "cancelled":
            return f"It is used when the run is resumed ({take_up(run)}), and by the next run of its spec."
        case _:
            return "The run has ended: the next run of its spec is told when it is dispatched."
