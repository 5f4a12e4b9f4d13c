"""What the ledger keeps about a run besides the run itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

StepState = Literal["started", "finished", "failed"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One line of a run's history."""

    seq: int  # global order
    run: str
    at: float  # seconds since the epoch, for display only
    kind: str  # "step.started", "check.failed", "run.verdict"
    step: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A journaled step as the ledger has it."""

    key: str
    state: StepState
    attempt: int  # 1 for the first start
    inputs: Mapping[str, Any]
    result: Any | None  # JSON
    error: str | None
    started_at: float
    finished_at: float | None


@dataclass(frozen=True, kw_only=True)
class TaskReport:
    """A row of task_report: what the host found out about a task, not what the agent said of it."""

    task: str
    step: str
    status: Literal[
        "done", "pending", "blocked", "failed"
    ]  # pending: implemented, its proof is still to come
    commit: str | None
    work: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A row of human_gate: where a human decides."""

    number: int
    candidate: str
    state: Literal["open", "approved", "rejected"]
    reason: str  # why it is open, what to look at
    opened_at: float
    decided_at: float | None = None
    decided_by: str | None = None
    notes: str | None = None
