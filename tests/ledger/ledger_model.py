"""The model that the state machine of the journal compares the ledger with."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import Ownership
from fabrik.ledger.store import Ledger

KEYS = ["plan", "task/1/implement#1", "task/2/implement#1", "verify"]
RESUMABLE = {"waiting", "blocked", "exhausted", "failed", "cancelled"}
OPEN = {"running", "waiting"}


@dataclass
class Worker:
    """A process that owns, or owned, the run."""

    ledger: Ledger
    ownership: Ownership
    journal: Journal

    def die(self) -> None:
        """What the kernel does when a process ends, however it ends."""
        self.ownership.release()
        self.ledger.close()


@dataclass
class Model:
    """What must be in the ledger."""

    status: str = "running"
    fence: int = 0
    cancel: bool = False
    progress: str = ""
    candidate: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    gates: dict[int, str] = field(default_factory=dict)
    calls: set[int] = field(default_factory=set)
    executions: dict[str, int] = field(default_factory=dict)  # how often the function of a step has ended
    changed: set[str] = field(default_factory=set)
