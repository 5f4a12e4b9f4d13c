"""The model that the state machine of the journal compares the ledger with."""

from __future__ import annotations

from dataclasses import dataclass, field

from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import Ownership
from fabrik.ledger.store import Ledger

KEYS = ["plan", "task/1/implement#1", "task/2/implement#1", "verify"]
RESUMABLE = {"waiting", "blocked", "exhausted", "failed", "cancelled"}
OPEN = {"running", "waiting"}
ENDED = ("shipped", "done", "rejected")  # for good


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
class GateModel:
    """What must be known of a gate."""

    marks: tuple[str, ...]
    state: str = "open"
    overriding: bool = False


@dataclass
class Said:
    """What must be known of something that a human said."""

    decision: str
    gate: int | None = None
    overriding: bool = False
    used_by: str | None = None


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
    gates: dict[int, GateModel] = field(default_factory=dict)
    feedback: list[Said] = field(default_factory=list)
    calls: set[int] = field(default_factory=set)
    executions: dict[str, int] = field(default_factory=dict)  # how often the function of a step has ended
    changed: set[str] = field(default_factory=set)

    def last_gate(self) -> GateModel | None:
        """The only one that may be decided."""
        return self.gates[max(self.gates)] if self.gates else None

    def gate_waits(self) -> bool:
        """Whether a human has to decide."""
        last = self.last_gate()
        return self.status in OPEN and last is not None and last.state == "open"
