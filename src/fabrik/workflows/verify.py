"""Verification: the independent proof of a candidate, in sandboxes that no agent ever wrote to.

Three ways, each in a fresh clone: as the candidate stands; with the protected files of the base; with the
held-out files. Each is a step of its own, so that a crash in one does not repeat the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.ledger.journal import StepContext
from fabrik.sandboxes.sandbox import Command, Sandbox
from fabrik.tampering.depends import depends, depends_on_new
from fabrik.tampering.model import Tamper
from fabrik.workflows import workspace
from fabrik.workflows.archive import pack
from fabrik.workflows.checks import fresh, run_all, setup_failed
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.logs import tail
from fabrik.workflows.protected import Judges, alone, judges, restored, shown
from fabrik.workflows.results import CheckResult, ChecksResult, VerificationResult
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
PURPOSE_PROTECTED = "verify-protected"
PURPOSE_HELD_OUT = "verify-held-out"


@dataclass(frozen=True, kw_only=True)
class Protected:
    """The second way: what a candidate did to the files that judge it, and the checks without that."""

    checks: ChecksResult
    restored: tuple[str, ...]
    tampers: tuple[Tamper, ...]
    alone: tuple[str, ...] = ()  # names of the checks that ran without the candidate's new test files


async def verify(work: Work, number: int, commit: str) -> VerificationResult:
    """Prove a candidate with the checks as dispatched. Raises SetupFailed, SandboxBroken, VcsError, DiskFull.

    Setup commands that fail for the work's own sake are part of the result.
    """

    async def run(step: StepContext) -> VerificationResult:
        logs = work.paths.step_logs(step.key, step.attempt)
        checks = await as_it_stands(work, number, commit, logs)
        protected = await _with_protected(work, number, checks, logs / "protected")
        return VerificationResult(
            commit=commit,
            tree=await work.repo.tree(commit),
            checks=checks,
            protected=protected.checks,
            restored=protected.restored,
            holdout=await _with_held_out(work, number, commit, logs / "held-out"),
            tampers=protected.tampers,
            alone=protected.alone,
        )

    checks = (*work.context.all_checks, *work.context.holdout)
    return await work.journal.step(
        f"verify#{number}", run, result=VerificationResult, inputs=_inputs(commit, checks)
    )


async def as_it_stands(work: Work, number: int, commit: str, logs: Path) -> ChecksResult:
    """The first way alone: the checks in a fresh clone of the commit. Raises as `verify`."""
    checks = work.context.all_checks

    async def run(step: StepContext) -> ChecksResult:
        return await _run(work, step, commit, checks, PURPOSE, logs)

    return await work.journal.step(
        f"verify/{number}/checks", run, result=ChecksResult, inputs=_inputs(commit, checks)
    )


async def _with_protected(work: Work, number: int, before: ChecksResult, logs: Path) -> Protected:
    """Where nothing is restored it is run all the same: a check that fails then proves nothing.

    Checks that name no new test file run without those of the candidate: what the base had must stand alone.
    Where the first way failed its result would not matter, and only the files are looked at.
    """
    commit, checks = before.commit, work.context.all_checks

    async def run(step: StepContext) -> Protected:
        found = await judges(work, commit)
        results = ChecksResult(commit=commit, checks=())
        without: tuple[SealedCheck, ...] = ()
        if before.ok:
            without = tuple(check for check in checks if found.new_tests and check.run in found.without)
            results = await both(work, number, step, found, without, logs)
        names = {check.name for check in without}
        failed = fail_now(checks, results)
        return Protected(
            checks=results,
            restored=found.restored,
            tampers=(
                *found.tampers,
                *depends(failed, found.restored),
                *depends_on_new([name for name in failed if name in names], all_shown(found.new_tests)),
            ),
            alone=tuple(check.name for check in without),
        )

    inputs = {**_inputs(commit, checks), "protected": work.context.protected}
    return await work.journal.step(f"verify/{number}/protected", run, result=Protected, inputs=inputs)


async def both(
    work: Work, number: int, step: StepContext, found: Judges, without: Sequence[SealedCheck], logs: Path
) -> ChecksResult:
    """Each check once: those that can do without the new test files in a clone that has none of them.

    Raises SandboxBroken, VcsError, DiskFull.
    """
    results: dict[tuple[str, str], CheckResult] = {}
    commit, problem = found.commit, ""
    rest = [check for check in work.context.all_checks if check not in without]
    if without:
        commit = await alone(work, number, found)
        ran = await _run(work, step, commit, without, PURPOSE_PROTECTED, logs / "alone")
        results |= {(check.name, check.run): check for check in ran.checks}
        problem = ran.setup_problem
    if rest or not without:
        commit = await restored(work, number, found)
        ran = await _run(work, step, commit, rest, PURPOSE_PROTECTED, logs)
        results |= {(check.name, check.run): check for check in ran.checks}
        problem = problem or ran.setup_problem
    ordered = (results.get((check.name, check.run)) for check in work.context.all_checks)
    in_order = tuple(result for result in ordered if result is not None)
    return ChecksResult(commit=commit, checks=in_order, setup_problem=problem)


def all_shown(paths: Sequence[str]) -> list[str]:
    return [shown(path) for path in paths]


def fail_now(checks: Sequence[SealedCheck], results: ChecksResult) -> list[str]:
    """The names of the checks that passed the first way and do not pass this way."""
    if results.setup_problem:
        return [check.name for check in checks]
    return [check.name for check in results.failed]


async def _with_held_out(work: Work, number: int, commit: str, logs: Path) -> ChecksResult:
    checks = work.context.holdout
    if not checks:
        return ChecksResult(commit=commit, checks=())

    async def run(step: StepContext) -> ChecksResult:
        return await _run(work, step, commit, checks, PURPOSE_HELD_OUT, logs)

    return await work.journal.step(
        f"verify/{number}/held-out", run, result=ChecksResult, inputs=_inputs(commit, checks)
    )


def _inputs(commit: str, checks: Sequence[SealedCheck]) -> dict[str, object]:
    return {"commit": commit, "checks": [check.run for check in checks]}


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
