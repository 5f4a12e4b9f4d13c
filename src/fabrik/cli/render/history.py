"""Events, steps, tasks and gates as JSON. Field names are stable: see docs/json.md."""

from __future__ import annotations

from typing import Any

from fabrik.cli import units
from fabrik.ledger.types import Event, Gate, Step, TaskReport


def event_json(event: Event) -> dict[str, Any]:
    """One line of a run's history."""
    return {
        "seq": event.seq,
        "run": event.run,
        "at": units.iso(event.at),
        "kind": event.kind,
        "step": event.step,
        "data": dict(event.data),
    }


def step_json(step: Step) -> dict[str, Any]:
    """A journaled step, without its inputs and result (they are the worker's business)."""
    return {
        "key": step.key,
        "state": step.state,
        "attempt": step.attempt,
        "error": step.error,
        "started_at": units.iso(step.started_at),
        "finished_at": units.iso(step.finished_at),
    }


def task_json(report: TaskReport) -> dict[str, Any]:
    """What the host found out about a task."""
    return {
        "task": report.task,
        "step": report.step,
        "status": report.status,
        "commit": report.commit,
        "work": list(report.work),
        "files": list(report.files),
        "tests": list(report.tests),
        "issues": list(report.issues),
        "next": list(report.next),
    }


def gate_json(gate: Gate) -> dict[str, Any]:
    """A place where a human decides, or has decided."""
    return {
        "number": gate.number,
        "candidate": gate.candidate,
        "state": gate.state,
        "reason": gate.reason,
        "opened_at": units.iso(gate.opened_at),
        "decided_at": units.iso(gate.decided_at),
        "decided_by": gate.decided_by,
        "notes": gate.notes,
    }
