"""Puts a commit forward, and proves what the host can prove: the spec's own commands, in a fresh clone."""

from __future__ import annotations

import asyncio

from fabrik.ledger.journal import StepContext
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.proving import MOST_FILES, put_forward
from fabrik.workflows.results import Candidate, ChecksResult, FileChanged, VerificationResult
from fabrik.workflows.verify import as_it_stands, verify
from fabrik.workflows.work import Work


async def forward(work: Work, number: int, commit: str, compared_with: str | None) -> Candidate:
    """Make a commit the run's candidate. compared_with: of one that was there before the run."""
    if compared_with is None:
        return await put_forward(work, number, commit)

    async def put(step: StepContext) -> Candidate:
        repo = work.repo
        files, commits, _ = await asyncio.gather(
            repo.diff_stat(compared_with, commit),
            repo.commits(compared_with, commit),
            repo.set_ref("candidate", commit),
        )
        await step.event("candidate", commit=commit)
        await work.journal.set_candidate(commit)
        return Candidate(
            commit=commit,
            commits=commits,
            files=tuple(
                FileChanged(path=file.path, added=file.added, removed=file.removed)
                for file in files[:MOST_FILES]
            ),
            total=len(files),
            added=sum(file.added or 0 for file in files),
            removed=sum(file.removed or 0 for file in files),
        )

    return await work.journal.step(f"candidate#{number}", put, result=Candidate, inputs={"commit": commit})


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
