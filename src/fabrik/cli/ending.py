"""How following a run ends: the summary on the screen, and the exit status."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from fabrik.cli import store
from fabrik.cli.render.runs import run_json, short, state
from fabrik.cli.render.summary import evidence_page, exit_status, summary
from fabrik.cli.screen import Screen, Tone
from fabrik.cli.text import neutralise
from fabrik.ledger.types import Run
from fabrik.outcome import ExitStatus
from fabrik.workflows.last_words import last_words


def show_end(run: Run, screen: Screen, *, as_json: bool) -> int:
    """Show how a run stands that is no longer followed; its documented exit status."""
    if state(run) not in ("running", "cancelling"):
        store.wait_for_worker_to_leave(run)
    evidence = evidence_page(run)
    there = evidence if evidence.is_file() else None
    screen.clear()
    if as_json:
        document = {"run": run_json(run) | {"evidence": None if there is None else str(there)}}
        screen.line(json.dumps(document))
        return exit_status(run)
    screen.line()
    if state(run) == "interrupted":
        screen.line(_why_interrupted(run), "warn")
    for text, tone in _standing(run, screen, there):
        screen.line(text, tone)
    return exit_status(run)


def _standing(run: Run, screen: Screen, evidence: Path | None) -> list[tuple[str, Tone]]:
    """The gate on one screen where a human is waited for, else the summary."""
    from fabrik.cli.render.gate_screen import HEIGHT, gate_screen
    from fabrik.cli.render.page import is_reviewed, open_gate
    from fabrik.workflows.decision import decision
    from fabrik.workflows.record import read

    with store.existing() as ledger:
        record = read(ledger, run)
    now = time.time()
    if (gate := open_gate(record)) is None:
        return summary(run, now=now, evidence=evidence, reviewed=is_reviewed(record))
    height = min(HEIGHT, max(24, screen.height - 1)) if screen.live else HEIGHT
    found = decision(record, gate)
    return gate_screen(run, found, now=now, evidence=evidence, width=screen.width, height=height)


def _why_interrupted(run: Run) -> str:
    directory = Path(run.directory)
    if words := neutralise(last_words(directory)).strip():
        return f"The run's worker had to stop, nothing is lost. {words}"
    try:
        full = os.statvfs(directory).f_bavail == 0
    except OSError:
        full = False
    if full:
        return f"{directory}: the disk is full, and the run lost its worker. Make room; nothing is lost."
    return "The run lost its worker: it was killed, or the machine went down. Nothing is lost."


def show_detached(run_id: str, screen: Screen, *, as_json: bool = False) -> int:
    """Say that the run goes on without us, and how to come back; exit status 130."""
    screen.clear()
    if not as_json:
        ref = short(run_id)
        screen.line()
        screen.line(f"Detached: run {ref} goes on without you.", "strong")
        screen.line(f"  come back    fabrik run attach {ref}")
        screen.line(f"  look         fabrik runs show {ref}")
        screen.line(f"  stop it      fabrik run cancel {ref}")
    return ExitStatus.INTERRUPTED
