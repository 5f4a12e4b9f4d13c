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


ReviewKind = Literal["light", "full"]  # of one task; of the candidate
ReviewStatus = Literal["approved", "changes_requested", "no_verdict"]  # only the first one is an approval


@dataclass(frozen=True, kw_only=True)
class ReviewReport:
    """A row of review_report: one reviewer's verdict on one commit, or why there is none."""

    reviewer: str  # "security"; "verifier"; "tampering" is the host's own look at the change
    step: str
    kind: ReviewKind
    round: int  # 1 for the first; of a light review, within its task
    commit: str  # the verdict counts for this commit and no other
    status: ReviewStatus
    issues: tuple[str, ...] = ()  # what is to be changed; of an approval: remarks
    next: tuple[str, ...] = ()
    reason: str = ""  # why there is no verdict: one line


@dataclass(frozen=True, kw_only=True)
class ReviewerOutcome:
    """What came of one reviewer that was asked."""

    reviewer: str
    status: ReviewStatus
    findings: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ReviewSummary:
    """A row of review_summary: what all the reviewers of a round came to."""

    step: str
    kind: ReviewKind
    round: int
    commit: str
    status: ReviewStatus  # approved: every one of them approved
    reviewers: tuple[ReviewerOutcome, ...]  # everybody who was asked, fixed when the round began


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A row of human_gate: where a human decides."""

    number: int  # 1 for the run's first
    candidate: str
    state: Literal["open", "approved", "rejected"]
    reason: str  # why it is open, what to look at
    opened_at: float
    marks: tuple[str, ...] = ()  # what speaks against the candidate; who approves all the same overrides it
    overriding: bool = False  # approved in spite of its marks
    decided_at: float | None = None
    decided_by: str | None = None
    notes: str | None = None


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """A row of human_feedback: what a human said about a run."""

    id: int
    run: str
    spec_path: str
    gate: int | None  # the gate it decided; None: said at another time
    decision: Literal["approved", "rejected", "noted"]
    decided_by: str
    notes: str | None
    created_at: float
    overriding: bool = False
    used_by: str | None = None  # key of the step in whose prompt it was put first
