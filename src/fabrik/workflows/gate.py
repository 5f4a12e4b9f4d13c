"""The approval gate: where a human decides. The worker does not wait there; it ends, and is started again."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik.outcome import Verdict
from fabrik.workflows import evidence
from fabrik.workflows.results import VerificationResult
from fabrik.workflows.work import Stop, Work

AUTO = "--auto-approve"


async def ask(
    work: Work, number: int, verification: VerificationResult, failing_before: Sequence[str]
) -> bool:
    """True when the gate is approved, False while it is open. Raises Stop when it was rejected."""
    reason = _reason(work, verification, failing_before)
    evidence.write(work.ledger, work.run, "waiting", None)
    by = AUTO if work.context.auto_approve and _proven(work, failing_before) else None
    gate = await work.journal.open_gate(number, verification.commit, reason, approved_by=by)
    if gate.state == "rejected":
        raise Stop(Verdict.REJECTED, f"rejected by {gate.decided_by}: {gate.notes or 'no reason given'}")
    return gate.state == "approved"


def _proven(work: Work, failing_before: Sequence[str]) -> bool:
    """Whether something speaks for the work itself: a check that failed before it, or a held-out one.

    Without that nobody approves in advance; but who allowed an unchecked spec has said that nothing will.
    """
    own = any(task.checks for task in work.context.tasks)
    unchecked = not work.context.all_checks and not work.context.holdout
    return bool(failing_before) or own or bool(work.context.holdout) or unchecked


def _reason(work: Work, verification: VerificationResult, failing_before: Sequence[str]) -> str:
    """What the human should know before deciding."""
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
