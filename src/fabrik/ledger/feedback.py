"""What humans say about a run apart from deciding its gates, and which step was told.

Each function that writes works inside a write transaction that its caller has begun.
"""

from __future__ import annotations

import time
from sqlite3 import Connection as Db
from typing import Literal

from fabrik.errors import UsageError
from fabrik.ledger import rows
from fabrik.ledger.changes import OPEN, add_event, add_event_of, state_of
from fabrik.ledger.connection import run_query
from fabrik.ledger.gates import waiting_gate
from fabrik.ledger.types import Feedback

Decision = Literal["approved", "rejected", "noted"]


def add(db: Db, run_id: str, decision: Decision, by: str, notes: str) -> Feedback:
    """Record what was said, with its event. Raises UsageError: no such run, nothing said, or a gate waits."""
    state = state_of(db, run_id)
    if not notes.strip():
        raise UsageError("feedback without words helps nobody", where=run_id, todo="say what you think")
    if decision != "noted" and state["status"] in OPEN:
        gate = waiting_gate(db, run_id)
        if gate is not None:
            raise UsageError(
                f"gate {gate} of the run waits for this decision; feedback alone would not decide it",
                where=run_id,
                todo=f"`fabrik approve {run_id}` or `fabrik reject {run_id}`",
            )
    written = run_query(
        db,
        "feedback_insert",
        run=run_id,
        spec_path=state["spec_path"],
        gate=None,
        decision=decision,
        overriding=False,
        by=by,
        notes=notes,
        at=time.time(),
    )
    said = run_query(db, "feedback_get", id=written.lastrowid).fetchone()
    add_event(db, run_id, "feedback.noted", id=said["id"], decision=decision, by=by, notes=notes)
    return rows.feedback(said)


def given(db: Db, run_id: str, step: str) -> tuple[Feedback, ...] | None:
    """What a step is to be told, when all of it is marked already; None when that has to be written first."""
    found = _for_step(db, run_id, step)
    return None if any(said.used_by is None for said in found) else found


def take(db: Db, run_id: str, step: str) -> tuple[Feedback, ...]:
    """What a step is to be told: marked as used by it now, or by an earlier start of it."""
    found = _for_step(db, run_id, step)
    fresh = [said.id for said in found if said.used_by is None]
    if not fresh:
        return found
    run_query(db, "feedback_use", run=run_id, step=step)
    add_event_of(db, run_id, time.time(), "feedback.used", step, {"step": step, "ids": fresh})
    return _for_step(db, run_id, step)


def _for_step(db: Db, run_id: str, step: str) -> tuple[Feedback, ...]:
    found = [rows.feedback(row) for row in run_query(db, "feedback_for_step", run=run_id, step=step)]
    state = run_query(db, "step_get", run=run_id, key=step).fetchone()
    if state is not None and state["state"] == "finished":
        # It is never started again: what was said since is for another step.
        return tuple(said for said in found if said.used_by == step)
    return tuple(found)
