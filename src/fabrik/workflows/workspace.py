"""The directory an agent works in: made from the run's repository, and what it leaves brought back.

The host never runs git in it. A marker beside the sandbox, out of the agent's reach, says which commit the
workspace stands at; while a session works there is none, so what a crash leaves is never taken for clean.
"""

from __future__ import annotations

import json
from pathlib import Path

from fabrik.errors import SandboxBroken, VcsError
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Limits, Prepared, Provider, Sandbox, SandboxSpec
from fabrik.vcs.harvest import Harvest, parse
from fabrik.vcs.inside import clone_argv, harvest_argv, resync_argv
from fabrik.workflows import judge_inside
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.context import VERIFIER, SealedAgent
from fabrik.workflows.logs import read_end, tail
from fabrik.workflows.work import SetupFailed, Work

AGENTS = "work"  # the purpose of the sandbox that the implementing sessions share
CHECKOUT = "review"  # … of the one whose workspace all reviewers of a round read
READER = "review-"  # … of the one of a reviewer: its id follows
ADVISER = (
    f"{READER}-adviser"  # … of that of the run's own agent where it is only asked; no reviewer has such an id
)
GIT_SECONDS = 1800.0  # a huge checkout on a slow disk; git in a sandbox never runs longer
BUNDLE_BYTES = 8 << 30  # what a session may bring back
REPORT_BYTES = 64 << 10  # of what a harvest says, the end of which counts
HARVEST = "harvest.err"  # where the harvest says what it found


async def open_sandbox(work: Work, purpose: str) -> Sandbox:
    """The sandbox of this purpose: made, or adopted when it is there. Raises SandboxBroken."""
    return await work.provider.create(_spec(work, purpose))


async def remove_sandbox(work: Work, purpose: str) -> None:
    """End it and remove its files."""
    mark(work, purpose, None)
    root = work.paths.sandboxes / purpose
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        if ref.root == root:
            await work.provider.destroy(ref)


def _spec(work: Work, purpose: str) -> SandboxSpec:
    context = work.context
    agent = _agent_of(work, purpose)
    reads = work.paths.sandboxes / CHECKOUT if purpose.startswith(READER) else None
    visible = [*(agent.read_only if agent else ()), *context.read_only]
    judge = judge_inside.shown(work) if reads is None else judge_inside.NOTHING
    return SandboxSpec(
        name=f"{work.run}/{purpose}",
        root=work.paths.sandboxes / purpose,
        labels={"run": work.run, "purpose": purpose},
        # Nobody who reviews gets at the implementer's own commits, and what their messages say.
        read_only=[
            *(work.repo.base_objects if reads else work.repo.objects),
            *(Path(path) for path in visible),
            *judge.read_only,
        ],
        path=[*(agent.path if agent else ()), *context.path, *judge.path],
        env={
            **context.env,
            "GIT_AUTHOR_NAME": work.identity.name,
            "GIT_AUTHOR_EMAIL": work.identity.email,
            "GIT_COMMITTER_NAME": work.identity.name,
            "GIT_COMMITTER_EMAIL": work.identity.email,
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        reads=reads,
    )


def _agent_of(work: Work, purpose: str) -> SealedAgent | None:
    """The agent whose program the sandbox must show; None where only checks run."""
    if purpose in (AGENTS, ADVISER):
        return work.context.agent
    if work.context.review is None or not purpose.startswith(READER):
        return None
    review = work.context.review
    return review.verifier if purpose == f"{READER}{VERIFIER}" else review.agent


async def ready(work: Work, purpose: str, commit: str, logs: Path, doors: Doors | None = None) -> Sandbox:
    """A sandbox whose workspace stands at `commit`, with the project's setup commands run in it.

    One that already stands there is used as it is, so that what was installed and built stays. Anything
    else is saved to the run's repository and made anew.
    Raises SandboxBroken, VcsError; SetupFailed when a setup command fails.
    """
    marker = work.paths.sandboxes / f"{purpose}.json"
    if (work.paths.sandboxes / purpose).exists():
        sandbox = await open_sandbox(work, purpose)
        if await brought_to(work, sandbox, purpose, commit, logs):
            return sandbox
        if read_marker(marker)[0] is None:
            await save_aside(work, sandbox, purpose, logs)
        await remove_sandbox(work, purpose)
    sandbox = await open_sandbox(work, purpose)
    await _clone(work, sandbox, commit, logs)
    if problem := await run_setup(work, sandbox, logs, doors):
        if purpose != AGENTS or commit == work.base:
            raise SetupFailed(problem)
        # An earlier session broke it: the agent must get at it to mend it.
        await work.journal.event("warning", text=problem)
    mark(work, purpose, commit)
    return sandbox


async def brought_to(work: Work, sandbox: Sandbox, purpose: str, commit: str, logs: Path) -> bool:
    """Whether the workspace stands at `commit`, perhaps with a new .git laid under its files just now."""
    stands_at, in_step = read_marker(work.paths.sandboxes / f"{purpose}.json")
    return stands_at == commit and (in_step or await _resync(work, sandbox, commit, logs))


def mark(work: Work, purpose: str, commit: str | None, *, in_step: bool = True) -> None:
    """Record which commit the workspace's files stand at; None while a session works in it.

    in_step: its .git is at that commit as well. Otherwise (fabrik committed what was left there, or the
    agent damaged .git) a new .git is laid under the files before the next session.
    """
    marker = work.paths.sandboxes / f"{purpose}.json"
    if commit is None:
        marker.unlink(missing_ok=True)
    else:
        marker.write_text(json.dumps({"commit": commit, "in_step": in_step}))


def read_marker(marker: Path) -> tuple[str | None, bool]:
    """The commit that a workspace stands at, None for none or an unsaved state, and whether its .git does."""
    try:
        found = json.loads(marker.read_text())
        return str(found["commit"]), bool(found["in_step"])
    except (OSError, ValueError, KeyError):
        return None, False


async def _resync(work: Work, sandbox: Sandbox, commit: str, logs: Path) -> bool:
    """Lay a new .git at `commit` under the files of the workspace."""
    argv = resync_argv(work.repo.objects, commit, sandbox.workspace, work.identity)
    ended = await sandbox.exec(git_inside(argv, logs / "resync.out", logs / "resync.err"))
    return ended.ok


async def _clone(work: Work, sandbox: Sandbox, commit: str, logs: Path) -> None:
    argv = clone_argv(work.repo.objects, commit, sandbox.workspace, work.identity)
    ended = await sandbox.exec(git_inside(argv, logs / "clone.out", logs / "clone.err"))
    if not ended.ok:
        raise SandboxBroken(
            f"the workspace could not be made: {tail(logs / 'clone.err') or ended}",
            where=sandbox.name,
            todo="`fabrik doctor` tells what this machine lacks",
        )


async def run_setup(work: Work, sandbox: Sandbox, logs: Path, doors: Doors | None) -> str:
    """Run the project's setup commands; the problem of the first that fails, or ""."""
    for number, run in enumerate(work.context.setup, 1):
        log = logs / f"setup-{number}.log"
        ended = await sandbox.exec(
            Command(
                argv=["sh", "-c", run],
                stdout=log,
                stderr=log,
                limits=work.check_limits(None),
                doors=doors,
                env=proxy_env(sandbox) if doors else {},
            )
        )
        if not ended.ok:
            return f"the setup command `{run}` failed ({_how(ended)}): {tail(log)[-400:]}"
    return ""


def proxy_env(sandbox: Sandbox) -> dict[str, str]:
    """The variables that make programs use the proxy door."""
    proxy = sandbox.endpoints.proxy
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return dict.fromkeys(names, proxy) | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _how(ended: Exit) -> str:
    if ended.stopped_by:
        return f"stopped by its {ended.stopped_by} limit"
    return f"signal {ended.signal}" if ended.signal else f"exit status {ended.status}"


def harvest_ahead(work: Work, sandbox: Sandbox, base: str, message: str, logs: Path) -> Ahead[Prepared]:
    """The harvest of a session, to be prepared while the session runs."""

    async def prepare() -> Prepared:
        return await sandbox.prepare(_harvest(work, sandbox, base, message, logs))

    return Ahead(prepare)


def _harvest(
    work: Work, sandbox: Sandbox, base: str, message: str, logs: Path, *, salvage: bool = False
) -> Command:
    argv = harvest_argv(
        work.repo.objects,
        base,
        sandbox.workspace,
        message,
        work.identity,
        mode="salvage" if salvage else "trust",
    )
    return git_inside(argv, left_bundle(logs), logs / HARVEST)


async def harvest(
    work: Work,
    sandbox: Sandbox,
    base: str,
    message: str,
    logs: Path,
    ahead: Ahead[Prepared] | None = None,
) -> Harvest:
    """Collect everything a session left into the bundle `left_bundle(logs)`, if there is anything new.

    Raises SandboxBroken when it cannot be collected, VcsError when the harvest made no sense.
    """
    prepared = await ahead.take() if ahead else None
    ended = await prepared.run() if prepared else None
    if ended is None or ended.signal:  # somebody killed it while it waited
        ended = await sandbox.exec(_harvest(work, sandbox, base, message, logs))
    if ended.stopped_by == "time":  # the agent's .git may be what it hangs on: its files alone, then
        ended = await sandbox.exec(_harvest(work, sandbox, base, message, logs, salvage=True))
    if not ended.ok:
        raise SandboxBroken(f"the work could not be collected: {tail(logs / HARVEST)}", where=sandbox.name)
    return parse(read_end(logs / HARVEST, REPORT_BYTES))


def left_bundle(logs: Path) -> Path:
    """Where a harvest leaves its bundle."""
    return logs / "left.bundle"


async def keep_files(work: Work, sandbox: Sandbox, logs: Path) -> Path:
    """Keep the files of a workspace as they are, in a tar file of the run. Raises SandboxBroken."""
    kept = work.paths.directory / "kept" / f"{work.relative(logs).replace('/', '.')}.tar"
    kept.parent.mkdir(exist_ok=True)
    await sandbox.tar_out(sandbox.workspace, kept, BUNDLE_BYTES)
    return kept


async def save_aside(work: Work, sandbox: Sandbox, purpose: str, logs: Path) -> str | None:
    """Save what an interrupted session left, before its workspace goes; the ref, or None for nothing."""
    if purpose != AGENTS:
        return None
    into = f"saved/{work.relative(logs).replace('/', '.')}"
    try:
        found = await harvest(work, sandbox, work.base, f"Saved from {purpose}", logs)
        if found.new:
            await work.repo.bring_in(left_bundle(logs), into, max_bytes=BUNDLE_BYTES)
    except VcsError as error:  # git refuses what it left: the files are kept as they are
        kept = await keep_files(work, sandbox, logs)
        text = f"git does not take what a session left ({error.what}); its files are in {kept}"
        await work.journal.event("warning", text=text)
        return None
    finally:
        left_bundle(logs).unlink(missing_ok=True)
    return f"refs/fabrik/{into}" if found.new else None


def git_inside(argv: list[str], stdout: Path, stderr: Path) -> Command:
    """git inside, with room for a huge repository."""
    stdout.parent.mkdir(parents=True, exist_ok=True)
    limits = Limits(seconds=GIT_SECONDS, output_bytes=BUNDLE_BYTES)
    return Command(argv=argv, stdout=stdout, stderr=stderr, limits=limits, cwd="/")


async def remove_all(work: Work) -> None:
    """Remove the run's sandboxes: all that was in them is in the run's repository by now."""
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        await work.provider.destroy(ref)


async def end_leftovers(provider: Provider, directory: Path, run: str) -> None:
    """End what runs in the sandboxes of a run whose worker was killed in the middle. Raises SandboxBroken."""
    for ref in await provider.list(directory, {"run": run}):
        if ref.labels["purpose"].startswith(READER):
            await provider.destroy(ref)  # nothing of a reviewer is kept but its report
        else:
            await provider.end(ref)
