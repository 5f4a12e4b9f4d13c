"""Puts a candidate forward and proves it; what a fresh clone reveals goes back to the agent, bounded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.workflows import briefing
from fabrik.workflows.attempts import session
from fabrik.workflows.judge import Standing
from fabrik.workflows.results import Candidate, FileChanged, VerificationResult
from fabrik.workflows.verify import verify
from fabrik.workflows.wavering import repeat
from fabrik.workflows.work import Stop, Work

MOST_FILES = 300  # of a candidate that are named one by one


@dataclass(frozen=True, kw_only=True)
class Proven:
    """A candidate that holds up."""

    head: str
    tree: str
    verification: VerificationResult


@dataclass(kw_only=True)
class Proving:
    """Numbers the candidates of a run."""

    work: Work
    number: int = 0
    wavered: set[str] = field(default_factory=set)  # checks that passed and failed at the same commit

    async def prove(self, head: str, tree: str) -> Proven:
        """Verify a commit as the candidate, and have mended what fails, until it holds.

        Raises Stop when it cannot be mended within the bounds.
        """
        work = self.work
        first = self.number + 1
        allowance = work.context.limits.attempts
        standing = Standing(tree=tree, failures=())
        verification = None
        while True:
            self.number += 1
            if verification is None:
                await put_forward(work, self.number, head)
                verification = await verify(work, self.number, head)
                if verification.ok and self.wavered:
                    verification = await repeat(work, self.number, verification, self.wavered)
                self.wavered |= {check.name for check in verification.flaky}
                if verification.ok:
                    return Proven(head=head, tree=standing.tree, verification=verification)
            failures = verification.failures
            sessions = self.number - first + 1
            if standing.stuck or sessions > allowance:
                if not work.grants.take():
                    raise _give_up(standing, sessions, failures)
                standing = Standing(tree=standing.tree, failures=failures)
                allowance = sessions + work.context.limits.attempts
            ran = await session(
                work,
                f"candidate/fix#{self.number}",
                role="fix",
                head=head,
                tree=standing.tree,
                prompt=briefing.fix_verification(work, verification, attempt=sessions),
                message=f"{work.context.spec_title}: fix what verification found",
            )
            if ran.tree != standing.tree:  # the same candidate gets no second throw of the dice
                head, verification = ran.head, None
            standing = standing.after(ran, failures)


def _give_up(standing: Standing, sessions: int, failures: tuple[str, ...]) -> Stop:
    found = "; ".join(failures)
    if standing.stuck:
        return Stop(
            Verdict.BLOCKED, f"verification fails and the agent makes no progress ({found})", met_again=True
        )
    return Stop(
        Verdict.EXHAUSTED, f"verification still fails after {sessions} sessions: {found}", met_again=True
    )


async def put_forward(work: Work, number: int, commit: str, compared_with: str | None = None) -> Candidate:
    """Make a commit the run's candidate. Raises Stop when it is the same as the base.

    compared_with: for a commit that was there before the run, what it is shown against; it may add nothing.
    """

    async def forward(step: StepContext) -> Candidate:
        repo = work.repo
        if compared_with is None and await repo.tree(commit) == await repo.tree(work.base):
            raise Stop(
                Verdict.BLOCKED,
                "nothing was done: the candidate is the same as the base commit; start a new run",
            )
        base = work.base if compared_with is None else compared_with
        files, commits, _ = await asyncio.gather(
            repo.diff_stat(base, commit),
            repo.commits(base, commit),
            repo.set_ref("candidate", commit),
        )
        await step.event("candidate", commit=commit)
        await work.journal.set_candidate(commit)  # here: a resumed run does not go back to earlier ones
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

    return await work.journal.step(
        f"candidate#{number}", forward, result=Candidate, inputs={"commit": commit}
    )
