"""`fabrik runs show`: everything about one run, on one page."""

from __future__ import annotations

import json
import time

import click

from fabrik.cli import store, units
from fabrik.cli.render.history import gate_json, step_json, task_json
from fabrik.cli.render.page import page
from fabrik.cli.render.runs import run_json
from fabrik.cli.render.summary import evidence_page
from fabrik.cli.screen import Screen


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--events", "with_events", is_flag=True, help="Also every event, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object (docs/json.md).")
def show(run_ref: str, with_events: bool, as_json: bool) -> None:
    """Everything about one run: where it stands and why, its tasks, steps and gates, and what it cost."""
    with store.existing() as ledger:
        run = ledger.find_run(run_ref)
        steps, tasks, gates = ledger.steps(run.id), ledger.task_reports(run.id), ledger.gates(run.id)
        events = ledger.events(run.id, after=0) if with_events else []
    evidence = evidence_page(run)
    evidence_there = evidence if evidence.is_file() else None
    screen = Screen()
    if as_json:
        from fabrik.cli.render.history import event_json

        document = run_json(run) | {
            "evidence": None if evidence_there is None else str(evidence_there),
            "tasks": [task_json(report) for report in tasks],
            "steps": [step_json(step) for step in steps],
            "gates": [gate_json(gate) for gate in gates],
        }
        if with_events:
            document["events"] = [event_json(event) for event in events]
        screen.line(json.dumps(document, indent=2, default=str))
        return
    for text, tone in page(run, steps, tasks, gates, now=time.time(), evidence=evidence_there):
        screen.line(text, tone)
    if with_events:
        from fabrik.cli.render.events import render

        screen.line()
        screen.line("Events", "strong")
        for event in events:
            line = render(event)
            screen.line(
                f"  {units.moment(event.at)}  {event.step or '':<20}  {line.mark} {line.text}", line.tone
            )
