"""Verification: the independent proof of a candidate, in sandboxes that no agent ever wrote to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.ledger.journal import StepContext
from fabrik.sandboxes.sandbox import Command, Sandbox
from fabrik.workflows import workspace
from fabrik.workflows.archive import pack
from fabrik.workflows.checks import fresh, run_all, setup_failed
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.logs import tail
from fabrik.workflows.results import ChecksResult, VerificationResult
from fabrik.workflows.work import SetupFailed, Work

MAKE_WAY = """
set -f
for destination; do
  way=.
  IFS=/
  for part in $destination; do
    way=$way/$part
    if [ -L "$way" ] || { [ -e "$way" ] && [ ! -d "$way" ]; }; then rm -f "$way" || exit 1; fi
  done
  unset IFS
  rm -rf "./$destination" || exit 1
done
"""
PURPOSE = "verify"
PURPOSE_HELD_OUT = "verify-held-out"


async def verify(work: Work, number: int, commit: str) -> VerificationResult:
    """Prove a candidate: the spec's checks as dispatched, then the held-out ones, each in a fresh clone."""

    async def run(step: StepContext) -> VerificationResult:
        logs = work.paths.step_logs(step.key, step.attempt)
        logs.mkdir(parents=True, exist_ok=True)
        return VerificationResult(
            commit=commit,
            tree=await work.repo.tree(commit),
            checks=await _run(work, step, commit, work.context.all_checks, PURPOSE, logs),
            protected=ChecksResult(commit=commit, checks=()),
            restored=(),
            holdout=await _run(work, step, commit, work.context.holdout, PURPOSE_HELD_OUT, logs / "held-out"),
            tampers=(),
        )

    checks = (*work.context.all_checks, *work.context.holdout)
    inputs = {"commit": commit, "checks": [check.run for check in checks]}
    return await work.journal.step(f"verify#{number}", run, result=VerificationResult, inputs=inputs)


async def _run(
    work: Work,
    step: StepContext,
    commit: str,
    checks: Sequence[SealedCheck],
    purpose: str,
    logs: Path,
) -> ChecksResult:
    if not checks:
        return ChecksResult(commit=commit, checks=())
    logs.mkdir(parents=True, exist_ok=True)
    try:
        sandbox = await fresh(work, step, purpose, commit, logs)
    except SetupFailed as failed:
        return setup_failed(work, commit, failed)
    try:
        await _place(work, sandbox, checks, logs)
        return await run_all(work, step, sandbox, commit, checks, logs)
    finally:
        await workspace.remove_sandbox(work, purpose)


async def _place(work: Work, sandbox: Sandbox, checks: Sequence[SealedCheck], logs: Path) -> None:
    """Put the files of held-out checks into the workspace, over whatever the candidate has there."""
    files = {
        destination: (work.paths.inputs / copy).read_bytes()
        for check in checks
        for destination, copy in check.files.items()
    }
    if files:
        await _make_way(sandbox, list(files), logs)
        archive = logs / "files.tar"
        pack(files, archive)
        await sandbox.tar_in(archive, sandbox.workspace)
        archive.unlink()


async def _make_way(sandbox: Sandbox, destinations: list[str], logs: Path) -> None:
    """Remove what the candidate has in the place of held-out files: links and files on the way, too."""
    log = logs / "make-way.log"
    ended = await sandbox.exec(
        Command(argv=["sh", "-c", MAKE_WAY, "make-way", *destinations], stdout=log, stderr=log)
    )
    if not ended.ok:
        raise SandboxBroken(f"no way for the held-out files: {tail(log)}", where=sandbox.name)
