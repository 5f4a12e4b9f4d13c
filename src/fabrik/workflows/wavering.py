"""Checks that have passed and failed with nothing changed in between: passing once more proves little."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from fabrik.ledger.journal import StepContext
from fabrik.workflows import workspace
from fabrik.workflows.checks import fresh, run_all, setup_failed
from fabrik.workflows.results import ChecksResult, VerificationResult
from fabrik.workflows.work import SetupFailed, Work

REPEATS = 5  # fresh clones in which such a check must pass, besides the usual ones
PURPOSE = "verify-again"


async def repeat(
    work: Work, number: int, verification: VerificationResult, names: Collection[str]
) -> VerificationResult:
    """A verification that holds, after its checks of these names have passed again and again.

    Where one fails, it is as if it had failed the second time. Raises SandboxBroken, VcsError, DiskFull.
    """
    checks = [check for check in work.context.all_checks if check.name in names]
    for turn in range(1, REPEATS + 1):

        async def run(step: StepContext) -> ChecksResult:
            logs = work.paths.step_logs(step.key, step.attempt)
            logs.mkdir(parents=True, exist_ok=True)
            try:
                sandbox = await fresh(work, step, PURPOSE, verification.commit, logs)
            except SetupFailed as failed:
                return setup_failed(work, verification.commit, failed)
            try:
                return await run_all(work, step, sandbox, verification.commit, checks, logs)
            finally:
                await workspace.remove_sandbox(work, PURPOSE)

        inputs = {"commit": verification.commit, "checks": [check.run for check in checks]}
        key = f"verify/{number}/again#{turn}"
        results = await work.journal.step(key, run, result=ChecksResult, inputs=inputs)
        if not results.ok:
            return replace(verification, protected=results, restored=())
    return verification
