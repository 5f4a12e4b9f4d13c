"""The approval gate: where a human decides. The worker does not wait there; it ends, and is started again."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fabrik.ledger.types import Gate
from fabrik.outcome import Verdict
from fabrik.workflows import evidence
from fabrik.workflows.committed_secrets import committed
from fabrik.workflows.results import VerificationResult
from fabrik.workflows.review.full import Reviewed
from fabrik.workflows.work import Stop, Work

AUTO = "--auto-approve"


async def ask(work: Work, number: int, reviewed: Reviewed, failing_before: Sequence[str]) -> Gate:
    """The gate: open, approved, or rejected with notes that go back to the implementer.

    Raises Stop when a human has rejected it for good.
    """
    verification = reviewed.proven.verification
    reason = _reason(work, reviewed, failing_before)
    marks = (*reviewed.marks, *await committed(work, verification.commit))
    opening = Gate(
        number=number,
        candidate=verification.commit,
        state="open",
        reason=reason,
        opened_at=time.time(),
        marks=marks,
    )
    evidence.write(work.ledger, work.run, "waiting", None, opening=opening)
    by = AUTO if marks == reviewed.marks and _in_advance(work, number, reviewed, failing_before) else None
    gate = await work.journal.open_gate(number, verification.commit, reason, marks=marks, approved_by=by)
    if gate.state == "rejected" and _for_good(work, number):
        raise Stop(Verdict.REJECTED, f"rejected by {gate.decided_by}: {gate.notes or 'no reason given'}")
    return gate


def _for_good(work: Work, number: int) -> bool:
    """Whether the human has said that the run is to end with the rejection."""
    event = work.ledger.last_event(work.run, ["gate.rejected"])
    return event is not None and event.data["number"] == number and bool(event.data.get("end"))


def _in_advance(work: Work, number: int, reviewed: Reviewed, failing_before: Sequence[str]) -> bool:
    """Whether who approves in advance may be taken at their word. The ledger has the last one.

    Not where anything speaks against the candidate, the spec is said to ask for changes of protected files,
    nothing proves the work, or a human has rejected a candidate of this run: who did wants to look again.
    """
    approved = reviewed.round.approved and reviewed.round.commit == reviewed.proven.verification.commit
    doubts = bool(reviewed.marks or reviewed.excused) or number > 1
    return work.context.auto_approve and approved and not doubts and _proven(work, failing_before)


def _proven(work: Work, failing_before: Sequence[str]) -> bool:
    """Whether something speaks for the work itself: a check that failed before it, or a held-out one.

    Without that nobody approves in advance; but who allowed an unchecked spec has said that nothing will.
    """
    own = any(task.checks for task in work.context.tasks)
    unchecked = not work.context.all_checks and not work.context.holdout
    return bool(failing_before) or own or bool(work.context.holdout) or unchecked


def _reason(work: Work, reviewed: Reviewed, failing_before: Sequence[str]) -> str:
    """What the human should know before deciding, in one line."""
    parts = [_checked(work, reviewed.proven.verification, failing_before), _reviewed(work, reviewed)]
    if reviewed.excused:
        parts.append(f"the spec asks for changes of protected files: {', '.join(reviewed.excused)}")
    return "; ".join(parts)


def _checked(work: Work, verification: VerificationResult, failing_before: Sequence[str]) -> str:
    checks, held_out = len(verification.checks.checks), len(verification.holdout.checks)
    if not checks and not held_out:
        return "UNCHECKED: this spec has no checks, so nothing proves the candidate; read the change"
    parts = [f"{checks} checks" if checks != 1 else "1 check"]
    if held_out:
        parts.append(f"{held_out} held-out")
    reason = f"{' and '.join(parts)} passed in a fresh clone at {verification.commit[:12]}"
    weak = [check.name for check in work.context.checks if check.name not in failing_before]
    if weak:
        reason += f"; passed before the work as well, so they prove less: {', '.join(weak)}"
    return reason


def _reviewed(work: Work, reviewed: Reviewed) -> str:
    found, silent = reviewed.round.findings, reviewed.round.silent
    if found or silent:
        parts = [f"{len(found)} open findings" if len(found) != 1 else "1 open finding"] if found else []
        if silent:
            parts.append(f"no verdict from {', '.join(said.reviewer for said in silent)}")
        return f"NOT APPROVED by review: {', '.join(parts)}"
    if work.context.review is None:
        return "UNREVIEWED (--no-review)"
    return f"approved by {len(reviewed.round.opinions)} reviewers"
