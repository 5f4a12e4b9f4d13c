"""The values that the ledger keeps and gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fabrik.usage import Usage

RunStatus = Literal[
    "running", "waiting", "shipped", "rejected", "blocked", "exhausted", "failed", "cancelled"
]
StepState = Literal["started", "finished", "failed"]


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What is recorded when a run is dispatched."""

    id: str  # ULID, 26 characters
    spec_id: str
    spec_title: str
    spec_path: str
    todo_path: str | None
    project: str  # path or URL
    repo_ref: str | None  # what the user asked for
    base_commit: str
    branch: str
    agent: str
    model: str | None
    sandbox: str
    directory: str  # the run's own directory
    unchecked: bool  # dispatched with --allow-unchecked: the mark stays for ever
    context: Mapping[str, Any] = field(default_factory=dict)  # run-context.json


@dataclass(frozen=True, kw_only=True)
class Run(NewRun):
    """A run as the ledger has it."""

    seq: int  # order of dispatch; the clock is not trusted for order
    status: RunStatus
    alive: bool  # a living process owns it right now
    started_at: float  # seconds since the epoch
    finished_at: float | None
    step: str | None  # the step that is under way, or the last one
    progress: str  # "2/5 tasks"
    candidate: str | None  # commit
    failure_reason: str | None  # one line a person can act on
    cancel_requested: bool
    usage: Usage


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


__all__ = ["Event", "Gate", "NewRun", "Run", "RunStatus", "Step", "StepState", "TaskReport"]
