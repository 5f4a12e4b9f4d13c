"""Runs checks at an exact commit, in a sandbox that no agent ever wrote to, with the network closed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fabrik.errors import FabrikError
from fabrik.ledger.journal import StepContext
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Prepared, Sandbox
from fabrik.vcs.inside import COMMIT_FILE, NOT_AT_COMMIT, at_commit_argv
from fabrik.workflows import judge_inside, workspace
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.context import SealedCheck
from fabrik.workflows.logs import seal, tail
from fabrik.workflows.results import CheckResult, ChecksResult
from fabrik.workflows.work import SetupFailed, Work

PURPOSE = "checks"  # the run's checking sandbox: kept between rounds, so that what setup installed stays


@dataclass(kw_only=True)
class CheckAhead:
    """The first check of the next round, being prepared while an agent works."""

    ahead: Ahead[Prepared]
    log: Path
    begun: bool = False
    commit: str = ""  # at which it runs already
    running: asyncio.Task[Exit | None] | None = None

    def begin(self) -> None:
        """Start preparing: an agent is about to work, so there will be something to check."""
        self.begun = True
        self.ahead.begin()

    def start(self, commit: str) -> None:
        """Run it now, while the step that made the commit is still being written to the ledger.

        Nothing but its result comes out of a check, and that is of no use before its own step has begun.
        """
        if self.begun and self.running is None:
            self.commit, self.running = commit, asyncio.create_task(self._run(commit))

    async def _run(self, commit: str) -> Exit | None:
        held = await self.ahead.take()
        return await held.run({COMMIT_FILE: f"{commit}\n".encode()}) if held else None

    async def ended(self, commit: str) -> Exit | None:
        """How it ended at this commit; None when it could not be prepared, or was started at another one."""
        self.start(commit)
        running, self.running = self.running, None
        if running is None:
            return None
        if self.commit != commit:
            await _given_up(running)
            return None
        return await running


async def _given_up(running: asyncio.Task[Exit | None]) -> None:
    running.cancel()
    with suppress(asyncio.CancelledError, FabrikError, OSError):
        await running


@asynccontextmanager
async def check_ahead(work: Work, key: str, checks: Sequence[SealedCheck]) -> AsyncIterator[CheckAhead]:
    """Prepare the first of these checks for the step `key`, once `begin` is called on what this gives."""
    log = work.paths.step_logs(key, 0) / "check-1.log"

    async def prepare() -> Prepared | None:
        if not checks or not _stands(work) or work.context.judge:  # a judge's door opens with the step
            return None
        log.parent.mkdir(parents=True, exist_ok=True)
        sandbox = await workspace.open_sandbox(work, PURPOSE)
        return await sandbox.prepare(_command(work, sandbox, checks[0], log, moving=True))

    async with Ahead(prepare) as ahead:
        check = CheckAhead(ahead=ahead, log=log)
        try:
            yield check
        finally:
            if check.running is not None:
                await _given_up(check.running)


def _stands(work: Work) -> bool:
    """The checking sandbox is there and can move to another commit.

    Not where the project has setup commands: what they installed belongs to the commit they ran at.
    """
    if work.context.setup:
        return False
    return (work.paths.sandboxes / f"{PURPOSE}.json").exists() and (work.paths.sandboxes / PURPOSE).exists()


async def run_checks(
    work: Work,
    step: StepContext,
    commit: str,
    checks: Sequence[SealedCheck],
    prepared: CheckAhead | None = None,
) -> ChecksResult:
    """Run checks at `commit` in the run's checking sandbox. Raises SandboxBroken, VcsError, DiskFull."""
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    if not checks:
        return ChecksResult(commit=commit, checks=())
    first, *others = checks
    async with judge_inside.doors(work, step.key) as doors:
        result = await _first(work, step, commit, first, logs / "check-1.log", prepared, doors)
    if result is None or result.status == NOT_AT_COMMIT:
        try:
            sandbox = await fresh(work, step, PURPOSE, commit, logs)
        except SetupFailed as failed:
            return setup_failed(work, commit, failed)
        return await run_all(work, step, sandbox, commit, checks, logs)
    if not others:
        return ChecksResult(commit=commit, checks=(result,))
    sandbox = await workspace.open_sandbox(work, PURPOSE)
    more = await run_all(work, step, sandbox, commit, others, logs, start=2)
    return ChecksResult(commit=commit, checks=(result, *more.checks))


async def _first(
    work: Work,
    step: StepContext,
    commit: str,
    check: SealedCheck,
    log: Path,
    prepared: CheckAhead | None,
    doors: Doors | None,
) -> CheckResult | None:
    """The first check, in the sandbox that stands; None when there is none. It checks the commit out, too."""
    ended = await prepared.ended(commit) if prepared else None
    if prepared and ended:
        prepared.log.rename(log)
        if not ended.signal:  # somebody may have killed it while it waited: then it is run once more
            return await _result(work, step, check, ended, log)
    if not _stands(work):
        return None
    sandbox = await workspace.open_sandbox(work, PURPOSE)
    files = {COMMIT_FILE: f"{commit}\n".encode()}
    command = replace(_command(work, sandbox, check, log, moving=True, doors=doors), files=files)
    return await _result(work, step, check, await sandbox.exec(command), log)


def setup_failed(work: Work, commit: str, failed: SetupFailed) -> ChecksResult:
    """At the base it is the owner's trouble: raises SetupFailed. Later it is the work's."""
    if commit == work.base:
        raise failed
    return ChecksResult(commit=commit, checks=(), setup_problem=failed.reason)


async def fresh(work: Work, step: StepContext, purpose: str, commit: str, logs: Path) -> Sandbox:
    """A sandbox made anew at `commit`, with the project's setup run (that alone may use the proxy)."""
    await workspace.remove_sandbox(work, purpose)
    if not work.context.setup:
        return await workspace.ready(work, purpose, commit, logs)
    async with work.gateway.door(step.key) as door:
        doors = Doors(models=door.models, proxy=door.proxy)
        return await workspace.ready(work, purpose, commit, logs, doors)


async def run_all(
    work: Work,
    step: StepContext,
    sandbox: Sandbox,
    commit: str,
    checks: Sequence[SealedCheck],
    logs: Path,
    *,
    start: int = 1,
) -> ChecksResult:
    """Run every check, one after the other, also after one has failed. start: the number of the first."""
    async with judge_inside.doors(work, step.key) as doors:
        results = [
            await _run(work, step, sandbox, check, logs / f"check-{number}.log", doors)
            for number, check in enumerate(checks, start)
        ]
    return ChecksResult(commit=commit, checks=tuple(results))


async def _run(
    work: Work, step: StepContext, sandbox: Sandbox, check: SealedCheck, log: Path, doors: Doors | None
) -> CheckResult:
    command = _command(work, sandbox, check, log, moving=False, doors=doors)
    ended = await sandbox.exec(command)
    if ended.signal == signal.SIGKILL and not ended.stopped_by:  # by somebody outside, it may be: once more
        ended = await sandbox.exec(command)
    return await _result(work, step, check, ended, log)


def _command(
    work: Work,
    sandbox: Sandbox,
    check: SealedCheck,
    log: Path,
    *,
    moving: bool,
    doors: Doors | None = None,
) -> Command:
    """moving: the workspace is to be brought to the commit that COMMIT_FILE names first."""
    plain = ["sh", "-c", check.run]
    return Command(
        argv=at_commit_argv(sandbox.workspace, check.run) if moving else plain,
        stdout=log,
        stderr=log,
        limits=work.check_limits(check.seconds),
        files={},
        env={"CI": "true", **(judge_inside.variables(work, sandbox) if doors else {})},
        doors=doors,
    )


async def _result(work: Work, step: StepContext, check: SealedCheck, ended: Exit, log: Path) -> CheckResult:
    end = "" if ended.ok else tail(log)
    if ended.status == 127:
        end += "\n(exit status 127: a command was not found inside the sandbox)"
        end += judge_inside.hint(work, check.run)
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
    elif ended.status != NOT_AT_COMMIT:
        step.tell("check.failed", **data, stopped_by=ended.stopped_by, tail=end[-2000:])
    return result
