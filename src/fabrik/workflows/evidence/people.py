"""What people decided and said."""

from __future__ import annotations

import time

from fabrik.ledger.types import Feedback
from fabrik.workflows.evidence.markdown import code, inline, table
from fabrik.workflows.record import RunRecord


def gates(record: RunRecord) -> str:
    """The approval gates with their marks and decisions."""
    rows = [
        (
            str(gate.number),
            f"`{gate.candidate[:12]}`",
            gate.state + (" **overriding**" if gate.overriding else ""),
            inline(gate.decided_by or ""),
            inline(gate.notes or ""),
            "<br>".join(inline(mark) for mark in gate.marks) or "nothing",
            inline(gate.reason),
        )
        for gate in record.gates
    ]
    if not rows:
        return ""
    header = ("Gate", "Candidate", "State", "By", "Notes", "Against it", "Asked because")
    return "## Approval\n\n" + table(header, rows)


def feedback(record: RunRecord) -> str:
    """Everything that people said about the run."""
    rows = [
        (
            time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(said.created_at)),
            inline(said.decided_by),
            said.decision + (" **overriding**" if said.overriding else ""),
            inline(said.notes or ""),
            _used_in(said),
        )
        for said in record.feedback
    ]
    return "## Feedback\n\n" + table(("When", "By", "Decision", "Notes", "Used in"), rows) if rows else ""


def _used_in(said: Feedback) -> str:
    """Where an agent was told: after a rejection it is a task of its own."""
    if said.decision == "rejected" and said.gate is not None:
        return code(f"feedback/{said.gate}")
    if said.decision == "approved":
        return "–"
    return code(said.used_by) if said.used_by else "not yet"
