"""Events, steps, tasks, reviews, gates and feedback as JSON. Field names are stable: see the page json."""

from __future__ import annotations

from typing import Any

from fabrik.cli import units
from fabrik.ledger.types import Event, Feedback, Gate, ReviewReport, Step, TaskReport


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
        "marks": list(gate.marks),
        "overriding": gate.overriding,
        "opened_at": units.iso(gate.opened_at),
        "decided_at": units.iso(gate.decided_at),
        "decided_by": gate.decided_by,
        "notes": gate.notes,
    }


def review_json(report: ReviewReport) -> dict[str, Any]:
    """What a reviewer said of a commit, or why it said nothing."""
    return {
        "reviewer": report.reviewer,
        "kind": report.kind,
        "round": report.round,
        "step": report.step,
        "commit": report.commit,
        "status": report.status,
        "reason": report.reason or None,
        "issues": list(report.issues),
        "next": list(report.next),
    }


def feedback_json(said: Feedback) -> dict[str, Any]:
    """What a person said about a run."""
    return {
        "id": said.id,
        "run": said.run,
        "spec_path": said.spec_path,
        "gate": said.gate,
        "decision": said.decision,
        "overriding": said.overriding,
        "by": said.decided_by,
        "notes": said.notes,
        "at": units.iso(said.created_at),
        "used_by": said.used_by,
    }
