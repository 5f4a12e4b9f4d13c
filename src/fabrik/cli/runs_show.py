"""`fabrik runs show`: everything about one run, on one page."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fabrik.cli import store, units
from fabrik.cli.follow import recent_events
from fabrik.cli.render.history import event_json, feedback_json, gate_json, review_json, step_json, task_json
from fabrik.cli.render.page import page
from fabrik.cli.render.reviews import criterion_json, finding_json
from fabrik.cli.render.runs import run_json
from fabrik.cli.render.standing import standing_json
from fabrik.cli.render.summary import evidence_page
from fabrik.cli.screen import Screen
from fabrik.paths import RunPaths

if TYPE_CHECKING:
    from fabrik.ledger.types import Event
    from fabrik.workflows.record import RunRecord
    from fabrik.workflows.standing import Standing


@click.command()
@click.argument("run_ref", metavar="RUN")
@click.option("--events", "with_events", is_flag=True, help="Also every event, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object (fabrik docs json).")
def show(run_ref: str, with_events: bool, as_json: bool) -> None:
    """Everything about one run: where it stands and why, its tasks, reviews, gates, steps, and its cost.

    \b
    Examples:
      fabrik runs show 7F3KX2QD
      fabrik runs show last --events
    """
    from fabrik.cli.checkpoint import checkpoint_json
    from fabrik.workflows.checkpoints.shelf import listed
    from fabrik.workflows.record import read
    from fabrik.workflows.standing import budget, standing

    with store.existing() as ledger:
        record = read(ledger, ledger.find_run(run_ref))
        events = ledger.events(record.run.id) if with_events else recent_events(ledger, record.run.id)
    now = time.time()
    found, bounds = standing(record, events, now=now), budget(record, events)
    evidence = evidence_page(record.run)
    there = evidence if evidence.is_file() else None
    files = Path(record.run.directory).is_dir()
    checkpoints = listed(RunPaths(Path(record.run.directory)).checkpoints)
    screen = Screen()
    if as_json:
        document = _document(record, found, bounds) | {
            "evidence": None if there is None else str(there),
            "files": files,
            "checkpoints": [checkpoint_json(one) for one in checkpoints],
        }
        if with_events:
            document["events"] = [event_json(event) for event in events]
        screen.line(json.dumps(document, indent=2, default=str))
        return
    lines = page(
        record,
        found,
        bounds,
        now=now,
        evidence=there,
        width=screen.width,
        files=files,
        checkpoints=checkpoints,
    )
    for text, tone in lines:
        screen.line(text, tone)
    if with_events:
        _show_events(screen, events)


def _document(record: RunRecord, found: Standing, budget: tuple[float | None, int | None]) -> dict[str, Any]:
    from fabrik.workflows.decision import criteria_of
    from fabrik.workflows.fates import fates

    return run_json(record.run) | {
        "standing": standing_json(record.run, found, budget),
        "tasks": [task_json(report) for report in record.tasks],
        "reviews": [review_json(report) for report in record.reviews],
        "findings": [finding_json(fate) for fate in fates(record)],
        "criteria": [criterion_json(one) for one in criteria_of(record)],
        "steps": [step_json(step) for step in record.steps],
        "gates": [gate_json(gate) for gate in record.gates],
        "feedback": [feedback_json(said) for said in record.feedback],
    }


def _show_events(screen: Screen, events: Sequence[Event]) -> None:
    from fabrik.cli.render.events import render

    screen.line()
    screen.line("Events", "strong")
    for event in events:
        line = render(event)
        screen.line(f"  {units.moment(event.at)}  {event.step or '':<20}  {line.mark} {line.text}", line.tone)
