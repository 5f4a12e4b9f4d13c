"""Proves what the host can prove of a commit: the spec's own commands, in a fresh clone."""

from __future__ import annotations

from fabrik.ledger.journal import StepContext
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.results import ChecksResult, VerificationResult
from fabrik.workflows.verify import as_it_stands, verify
from fabrik.workflows.work import Work


async def prove(work: Work, sealed: SealedBacklog, number: int, commit: str) -> VerificationResult:
    """Run the spec's commands at exactly this commit. Raises SetupFailed, SandboxBroken, VcsError, DiskFull.

    What is in the history of the base already, or holds nothing but specs, has no files that judge it.
    """
    base_has_it = commit == work.base or await work.repo.commits(work.base, commit) == 0
    if not (sealed.seed or base_has_it):
        return await verify(work, number, commit)

    async def run(step: StepContext) -> VerificationResult:
        logs = work.paths.step_logs(step.key, step.attempt)
        nothing = ChecksResult(commit=commit, checks=())
        return VerificationResult(
            commit=commit,
            tree=await work.repo.tree(commit),
            checks=await as_it_stands(work, number, commit, logs),
            protected=nothing,
            restored=(),
            holdout=nothing,
            tampers=(),
        )

    inputs = {"commit": commit, "checks": [check.run for check in work.context.checks]}
    return await work.journal.step(f"verify#{number}", run, result=VerificationResult, inputs=inputs)
