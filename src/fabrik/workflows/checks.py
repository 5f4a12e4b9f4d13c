"""Runs checks at an exact commit, in a sandbox that no agent ever wrote to, with the network closed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fabrik.ledger.journal import StepContext
from fabrik.sandboxes.sandbox import Command, Doors, Sandbox
from fabrik.vcs.inside import NOT_AT_COMMIT, at_commit_argv
from fabrik.workflows import workspace
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.logs import seal, tail
from fabrik.workflows.results import CheckResult, ChecksResult
from fabrik.workflows.work import Work

PURPOSE = "checks"  # the run's checking sandbox: kept between rounds, so that what setup installed stays


async def run_checks(
    work: Work, step: StepContext, commit: str, checks: Sequence[SealedCheck]
) -> ChecksResult:
    """Run checks at `commit` in the run's checking sandbox. Raises SandboxBroken, VcsError, DiskFull."""
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    if not checks:
        return ChecksResult(commit=commit, checks=())
    first, *others = checks
    result = None
    if (work.paths.sandboxes / f"{PURPOSE}.json").exists() and (work.paths.sandboxes / PURPOSE).exists():
        sandbox = await workspace.open_sandbox(work, PURPOSE)
        moved = at_commit_argv(commit, sandbox.workspace, first.run)
        result = await _run(work, step, sandbox, 1, first, logs, argv=moved)
    if result is None or result.status == NOT_AT_COMMIT:
        sandbox = await fresh(work, step, PURPOSE, commit, logs)
        result = await _run(work, step, sandbox, 1, first, logs)
    more = [await _run(work, step, sandbox, number, check, logs) for number, check in enumerate(others, 2)]
    return ChecksResult(commit=commit, checks=(result, *more))


async def fresh(work: Work, step: StepContext, purpose: str, commit: str, logs: Path) -> Sandbox:
    """A sandbox made anew at `commit`, with the project's setup run (that alone may use the proxy)."""
    await workspace.remove_sandbox(work, purpose)
    if not work.context.setup:
        return await workspace.ready(work, purpose, commit, logs)
    async with work.gateway.door(step.key) as door:
        doors = Doors(models=door.models, proxy=door.proxy)
        return await workspace.ready(work, purpose, commit, logs, doors)


async def run_all(
    work: Work, step: StepContext, sandbox: Sandbox, commit: str, checks: Sequence[SealedCheck], logs: Path
) -> ChecksResult:
    """Run every check, one after the other, also after one has failed."""
    results = [await _run(work, step, sandbox, number, check, logs) for number, check in enumerate(checks, 1)]
    return ChecksResult(commit=commit, checks=tuple(results))


async def _run(
    work: Work,
    step: StepContext,
    sandbox: Sandbox,
    number: int,
    check: SealedCheck,
    logs: Path,
    *,
    argv: Sequence[str] = (),
) -> CheckResult:
    log = logs / f"check-{number}.log"
    ended = await sandbox.exec(
        Command(
            argv=argv or ["sh", "-c", check.run],
            stdout=log,
            stderr=log,
            limits=work.check_limits(check.seconds),
            files={},
            env={"CI": "true"},
        )
    )
    end = "" if ended.ok else tail(log)
    if ended.status == 127:
        end += "\n(exit status 127: a command was not found inside the sandbox)"
    result = CheckResult(
        name=check.name,
        run=check.run,
        ok=ended.ok,
        status=ended.status,
        signal=ended.signal,
        stopped_by=ended.stopped_by,
        seconds=ended.seconds,
        log=await seal(log, work.paths.directory),
        tail=end,
    )
    data = {"name": check.name, "seconds": ended.seconds, "status": ended.status}
    if result.ok:
        step.tell("check.passed", **data)
    else:
        step.tell("check.failed", **data, stopped_by=ended.stopped_by, tail=end[-2000:])
    return result
