"""Approval gates. Each function works inside a write transaction that its caller has begun."""

from __future__ import annotations

import time
from collections.abc import Sequence
from sqlite3 import Connection as Db
from typing import Any

from fabrik.errors import UsageError
from fabrik.ledger import rows
from fabrik.ledger.changes import OPEN, add_event, state_of
from fabrik.ledger.connection import run_query, to_json
from fabrik.ledger.types import Gate


def open_gate(
    db: Db,
    run_id: str,
    number: int,
    candidate: str,
    reason: str,
    marks: Sequence[str] = (),
    approved_by: str | None = None,
) -> Gate:
    """Open a gate and let the run wait, or come back to the gate that is there: open or decided.

    While it is open its marks are those that were given last, with the reason that came with them.
    approved_by: who approved it in advance; without marks it is then opened and approved at once.
    """
    state = state_of(db, run_id)
    gate = _gate(db, run_id, number)
    if gate is not None and gate.candidate != candidate:
        raise RuntimeError(f"gate {number} of run {run_id} is about {gate.candidate}, not about {candidate}")
    if gate is not None and gate.state != "open":
        return gate
    if state["status"] not in OPEN:
        raise RuntimeError(f"run {run_id} has ended as {state['status']}; it cannot wait at a gate")
    last = run_query(db, "gate_last", run=run_id).fetchone()
    if last is not None and number < last["number"]:
        raise RuntimeError(f"gate {last['number']} of run {run_id} was opened after gate {number}")
    # Nobody can have said in advance that he overrides what was found, or what a human has noted, only now.
    unheard = run_query(db, "feedback_unused", run=run_id).fetchone()[0]
    in_advance = approved_by is not None and not marks and not unheard
    waits = state["status"] == "running" and not in_advance
    if waits:
        run_query(db, "run_wait", run=run_id)
    said: dict[str, Any] = {"number": number, "candidate": candidate, "reason": reason, "marks": list(marks)}
    if gate is None:
        parameters = {**said, "marks": to_json(said["marks"])}
        run_query(db, "gate_open", run=run_id, at=time.time(), **parameters)
        add_event(db, run_id, "gate.opened", **said)
    else:
        if gate.marks != tuple(marks):
            run_query(db, "gate_mark", run=run_id, number=number, reason=reason, marks=to_json(list(marks)))
            add_event(db, run_id, "gate.marked", **said)
        if waits:
            add_event(db, run_id, "run.waiting", gate=number)
    if in_advance:
        return decide_gate(db, run_id, number, approve=True, by=approved_by or "", notes=None)
    return _existing_gate(db, run_id, number)


def decide_gate(
    db: Db, run_id: str, number: int, *, approve: bool, by: str, notes: str | None, end: bool = False
) -> Gate:
    """A human's decision; end: a rejection that is to end the run.

    Raises UsageError when the gate is not open, a later one was opened, or the run has ended.
    """
    state = state_of(db, run_id)
    gate = _existing_gate(db, run_id, number)
    if gate.state != "open":
        raise UsageError(
            f"gate {number} was already {gate.state} by {gate.decided_by}",
            where=run_id,
            todo=f"`fabrik runs show {run_id}` says what followed",
        )
    if state["status"] not in OPEN:
        raise UsageError(
            f"the run has ended as {state['status']}; its gate cannot be decided any more",
            where=run_id,
            todo=f"`fabrik run resume {run_id}` opens it again, if it can be resumed",
        )
    last = run_query(db, "gate_last", run=run_id).fetchone()["number"]
    if number != last:
        raise UsageError(
            f"gate {number} is about an earlier candidate; gate {last} was opened since",
            where=run_id,
            todo=f"`fabrik runs show {run_id}` shows the candidate that is put forward now",
        )
    decision = "approved" if approve else "rejected"
    said: dict[str, Any] = {"by": by, "notes": notes}
    overriding = approve and bool(gate.marks)
    at = time.time()
    run_query(
        db, "gate_decide", run=run_id, number=number, state=decision, overriding=overriding, at=at, **said
    )
    run_query(
        db,
        "feedback_insert",
        run=run_id,
        spec_path=state["spec_path"],
        gate=number,
        decision=decision,
        overriding=overriding,
        at=at,
        **said,
    )
    said |= {"number": number, "candidate": gate.candidate, "marks": list(gate.marks)}
    said |= {"overriding": overriding} if approve else {"end": end}
    add_event(db, run_id, f"gate.{decision}", **said)
    return _existing_gate(db, run_id, number)


def waiting_gate(db: Db, run_id: str) -> int | None:
    """The number of the gate that the run's next decision is about; None when none is open."""
    last = run_query(db, "gate_last", run=run_id).fetchone()
    return int(last["number"]) if last is not None and last["state"] == "open" else None


def _gate(db: Db, run_id: str, number: int) -> Gate | None:
    row = run_query(db, "gate_get", run=run_id, number=number).fetchone()
    return None if row is None else rows.gate(row)


def _existing_gate(db: Db, run_id: str, number: int) -> Gate:
    gate = _gate(db, run_id, number)
    if gate is None:
        raise UsageError(
            f"the run has no gate {number}", where=run_id, todo=f"`fabrik runs show {run_id}` lists its gates"
        )
    return gate
