"""The values that the ledger keeps and gives back, under one name for those who use it."""

from __future__ import annotations

from fabrik.ledger.records import Event, Gate, Step, StepState, TaskReport
from fabrik.ledger.run import NewRun, Run, RunStatus

__all__ = ["Event", "Gate", "NewRun", "Run", "RunStatus", "Step", "StepState", "TaskReport"]
