"""A run as the ledger keeps it. Apart from the other values, so that listing runs loads nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fabrik.usage import Usage

RunStatus = Literal[
    "running", "waiting", "shipped", "done", "rejected", "blocked", "exhausted", "failed", "cancelled"
]


@dataclass(frozen=True, kw_only=True)
class NewRun:
    """What is recorded when a run is dispatched."""

    id: str  # ULID, 26 characters
    workflow: str = "ship"
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
