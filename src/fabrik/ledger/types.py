"""The values that the ledger keeps and gives back, under one name for those who use it."""

from __future__ import annotations

from fabrik.ledger.records import (
    Event,
    Feedback,
    Gate,
    ReviewerOutcome,
    ReviewKind,
    ReviewReport,
    ReviewStatus,
    ReviewSummary,
    Step,
    StepState,
    TaskReport,
)
from fabrik.ledger.run import NewRun, Run, RunStatus

__all__ = [
    "Event",
    "Feedback",
    "Gate",
    "NewRun",
    "ReviewKind",
    "ReviewReport",
    "ReviewStatus",
    "ReviewSummary",
    "ReviewerOutcome",
    "Run",
    "RunStatus",
    "Step",
    "StepState",
    "TaskReport",
]
