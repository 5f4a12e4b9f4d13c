"""Runs as values, for what is said of how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fabrik.ledger.types import Event, Gate, ReviewReport, Run, Step
from fabrik.usage import Usage
from fabrik.workflows.record import RunRecord

ID = "01JD0000000000000012345678"
NOW = 10_000.0


def run(**changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": ID,
        "spec_id": "0001-search",
        "spec_title": "Search",
        "spec_path": "/p/specs/0001-search.md",
        "todo_path": None,
        "project": "/p",
        "repo_ref": None,
        "base_commit": "0" * 40,
        "branch": "spec-0001-search",
        "agent": "claude",
        "model": None,
        "sandbox": "bubblewrap",
        "directory": "/state/runs/x",
        "unchecked": False,
        "context": {},
        "seq": 1,
        "status": "running",
        "alive": True,
        "started_at": NOW - 600,
        "finished_at": None,
        "step": None,
        "progress": "",
        "candidate": None,
        "failure_reason": None,
        "cancel_requested": False,
        "usage": Usage(calls=0, cost_usd=0.0),
    }
    return Run(**fields | changes)


def step(key: str, state: str = "started", **changes: Any) -> Step:
    fields: dict[str, Any] = {
        "key": key,
        "state": state,
        "attempt": 1,
        "inputs": {},
        "result": None if state != "finished" else {},
        "error": None,
        "started_at": NOW - 60,
        "finished_at": None if state == "started" else NOW - 30,
    }
    return Step(**fields | changes)


class History:
    """Makes events in order."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, kind: str, step: str | None = None, *, ago: float = 60.0, **data: Any) -> History:
        seq = len(self.events) + 1
        self.events.append(Event(seq=seq, run=ID, at=NOW - ago, kind=kind, step=step, data=data))
        return self

    def began(self, *keys: str) -> History:
        """A worker took the run and started these steps."""
        self.add("run.claimed", ago=90, fence=1, pid=1)
        for key in keys:
            self.add("step.started", key, attempt=1)
        return self


def record(found: Run, steps: Sequence[Step] = (), **changes: Any) -> RunRecord:
    return RunRecord(run=found, steps=tuple(steps), **changes)


def gate(state: str = "open", **changes: Any) -> Gate:
    fields: dict[str, Any] = {
        "number": 1,
        "candidate": "3f" * 20,
        "state": state,
        "reason": "2 checks passed",
        "opened_at": NOW - 50,
    }
    return Gate(**fields | changes)


def report(reviewer: str, status: str = "approved", **changes: Any) -> ReviewReport:
    fields: dict[str, Any] = {
        "reviewer": reviewer,
        "step": f"review#1/{reviewer}",
        "kind": "full",
        "round": 1,
        "commit": "3f" * 20,
        "status": status,
    }
    return ReviewReport(**fields | changes)
