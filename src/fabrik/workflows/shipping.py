"""Ships an approved candidate: the branch in the project's repository, the done marker, the evidence page."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabrik.errors import UsageError
from fabrik.ledger.journal import StepContext
from fabrik.vcs.publish import push_to_remote
from fabrik.workflows.results import Shipped, VerificationResult
from fabrik.workflows.work import Work


async def publish(work: Work, verification: VerificationResult) -> Shipped:
    """Put the candidate on its branch; safe to repeat. Raises VcsError, UsageError: then nothing is lost,
    the candidate stays in the run's repository and `run resume` ships it."""

    async def run(step: StepContext) -> Shipped:
        commit = verification.commit
        with _of_the_user(work.umask), _branch_in_the_way(work):
            await work.repo.publish(commit, work.branch, work.project)
            pushed_to = None
            if work.context.push and work.context.remote:
                await push_to_remote(Path(work.project), work.branch, work.context.remote, commit)
                pushed_to = work.context.remote
        shipped = Shipped(commit=commit, branch=work.branch, target=work.project, pushed_to=pushed_to)
        await step.event("shipped", branch=work.branch, commit=commit, target=work.project)
        return shipped

    shipped = await work.journal.step(
        "ship", run, result=Shipped, inputs={"commit": verification.commit, "branch": work.branch}
    )
    _mark_done(work, shipped)
    return shipped


@contextmanager
def _of_the_user(umask: int) -> Iterator[None]:
    """What is written into the project has the permissions that the user's own commits have."""
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def _branch_in_the_way(work: Work) -> Iterator[None]:
    """The name of the branch was chosen when the run was dispatched: who resumes has other ways out."""
    try:
        yield
    except UsageError as error:
        raise UsageError(
            error.what,
            where=error.where,
            todo=f"rename or delete that branch, then `fabrik run resume {work.run[-8:]}`;"
            f" until then the result is kept in {work.paths.repo} (refs/fabrik/candidate)",
        ) from error


def _mark_done(work: Work, shipped: Shipped) -> None:
    marker = work.paths.reports / "done.json"
    if marker.exists():
        return
    content = {
        "v": 1,
        "run": work.run,
        "spec": work.context.spec_id,
        "commit": shipped.commit,
        "branch": shipped.branch,
        "unchecked": not (work.context.checks or work.context.holdout),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    aside = marker.with_suffix(".tmp")
    aside.write_text(json.dumps(content, indent=2) + "\n")
    aside.rename(marker)
