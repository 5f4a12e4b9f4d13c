"""One session: an agent's process in a sandbox, from the prompt to a commit in the run's repository."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fabrik.errors import VcsError
from fabrik.events import SessionStarted
from fabrik.ledger.journal import StepContext
from fabrik.outcome import POLICIES, Cause
from fabrik.sandboxes.sandbox import Doors, Prepared, Sandbox
from fabrik.vcs.incoming import Waiting
from fabrik.workflows import workspace
from fabrik.workflows.agent_report import AgentReport, read_report
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.known_secrets import redactor
from fabrik.workflows.logs import plain, seal
from fabrik.workflows.playing import REPORT, Part, ReadySession, make_ready, play
from fabrik.workflows.results import SessionResult
from fabrik.workflows.work import Work

PURPOSE = workspace.AGENTS
REPORT_BYTES = 1 << 20
QUESTION = 2_000  # characters of what an agent asks the human


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What a session's work became."""

    head: str  # the commit after it
    tree: str
    leftover: bool = False
    rewritten: bool = False
    notes: tuple[str, ...] = ()
    saved_as: str | None = None


async def _ready(
    work: Work,
    step: StepContext,
    ahead: Ahead[ReadySession] | None,
    *,
    head: str,
    part: Part,
    logs: Path,
) -> ReadySession:
    """A ready session on a workspace at `head`: the one that was made ahead, if it still fits."""
    ready = await ahead.take() if ahead else None
    if ready:
        try:
            same = step.attempt == 1 and not part.people  # what humans said is not in a prompt made before
            fits = same and await workspace.brought_to(work, ready.sandbox, PURPOSE, head, logs)
        except BaseException:
            await ready.discard()
            raise
        if fits:
            return ready
        await ready.discard()
    async with AsyncExitStack() as setup_only:
        doors = None
        if work.context.setup:
            door = await setup_only.enter_async_context(work.gateway.door(step.key))
            doors = Doors(models=door.models, proxy=door.proxy)
        sandbox = await workspace.ready(work, PURPOSE, head, logs, doors)
    return await make_ready(work, step.key, sandbox, part, logs)


async def run_session(
    work: Work,
    step: StepContext,
    part: Part,
    *,
    head: str,
    tree: str,
    message: str,
    ahead: Ahead[ReadySession] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    afterwards: Callable[[Sandbox], None] = lambda _: None,
    landed: Callable[[str], None] = lambda _: None,
) -> SessionResult:
    """Run one session on a workspace at `head` (with that tree) and bring back what it did.

    `message` is for a commit of what the agent leaves uncommitted.
    `ahead` may have made it ready. `meanwhile` is called once the agent is about to start, for what can be
    prepared while it works; `afterwards` with its sandbox once the agent has ended and its HOME is free;
    `landed` with the commit that its work became, if there is any, once that is in the run's repository.
    Raises SandboxBroken, VcsError, DiskFull; how the agent fails is in the result.
    """
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    ready = await _ready(work, step, ahead, head=head, part=part, logs=logs)
    sandbox = ready.sandbox
    async with workspace.harvest_ahead(work, sandbox, head, message, logs) as harvesting:

        def begin() -> None:
            workspace.mark(work, PURPOSE, None)
            meanwhile()
            harvesting.begin()

        played = await play(work, step, part.agent, ready, logs, begin)
        ended, conclusion = played.ended, played.conclusion
        report, problem = await _read_report(sandbox)
        before = Brought(head=head, tree=tree)
        keep = POLICIES[conclusion.cause].keep_work
        if keep:
            afterwards(sandbox)

        async def land() -> Brought:
            brought = await _land(work, step, sandbox, before, message, logs, harvesting)
            if brought.head != head and conclusion.cause is Cause.ENDED:
                landed(brought.head)
            return brought

        brought, transcript, stderr = await asyncio.gather(
            land() if keep else _put_aside(work, sandbox, before, logs),
            seal(logs / "stdout.log", work.paths.directory),
            seal(logs / "stderr.log", work.paths.directory),
        )
    step.tell("session.ended", cause=conclusion.cause, seconds=ended.seconds, detail=conclusion.detail)
    return SessionResult(
        cause=conclusion.cause,
        detail=conclusion.detail,
        seconds=ended.seconds,
        head=brought.head,
        tree=brought.tree,
        changed=brought.tree != tree,
        leftover=brought.leftover,
        rewritten=brought.rewritten,
        transcript=transcript,
        stderr=stderr,
        session_id=next((e.session_id for e in played.events if isinstance(e, SessionStarted)), None),
        says=report.status if report else "",
        question=_question(report),
        notes=(*([problem] if problem else ()), *brought.notes),
        retry_at=conclusion.resets_at,
        saved_as=brought.saved_as,
    )


async def _read_report(sandbox: Sandbox) -> tuple[AgentReport | None, str]:
    data = await sandbox.read_file(f"{sandbox.home}/{REPORT}", REPORT_BYTES)
    return read_report(redactor().whole(data)) if data is not None else (None, "")


def _question(report: AgentReport | None) -> str:
    if report is None or report.status != "blocked":
        return ""
    return plain("\n".join([*report.issues, *report.next]))[:QUESTION]


async def _land(
    work: Work,
    step: StepContext,
    sandbox: Sandbox,
    before: Brought,
    message: str,
    logs: Path,
    harvesting: Ahead[Prepared],
) -> Brought:
    """Put what the session did on top of the commit it started from."""
    async with work.repo.expecting() as waiting:
        return await _landed(work, step, sandbox, before, message, logs, harvesting, waiting)


async def _landed(
    work: Work,
    step: StepContext,
    sandbox: Sandbox,
    before: Brought,
    message: str,
    logs: Path,
    harvesting: Ahead[Prepared],
    waiting: Waiting,
) -> Brought:
    into = f"steps/{step.key.replace('#', '.')}/{step.attempt}"
    found = await workspace.harvest(work, sandbox, before.head, message, logs, harvesting)
    healthy = found.git == "healthy"
    damage = () if healthy else (f"the workspace's .git was {found.git}; the files were saved without it",)
    if not found.new:
        workspace.mark(work, PURPOSE, before.head, in_step=healthy)
        return replace(before, notes=(*found.notes, *damage))
    bundle = workspace.left_bundle(logs)
    try:
        head, landed = await work.repo.bring_in_and_land(
            bundle,
            into,
            before.head,
            message,
            work.identity,
            datetime.now(UTC),
            max_bytes=workspace.BUNDLE_BYTES,
            waiting=waiting,
        )
    except VcsError as error:  # the agent is told, and starts again from what there was before
        reason = f"git does not take what the session left: {error.what}"
        return replace(
            before, notes=(*found.notes, *damage, reason), saved_as=await _keep(work, sandbox, logs)
        )
    finally:
        bundle.unlink(missing_ok=True)
    in_step = healthy and not found.leftover and landed.commit == head
    workspace.mark(work, PURPOSE, landed.commit, in_step=in_step)
    return Brought(
        head=landed.commit,
        tree=landed.tree,
        leftover=found.leftover,
        rewritten=landed.rewritten,
        notes=(*found.notes, *damage),
    )


async def _keep(work: Work, sandbox: Sandbox, logs: Path) -> str:
    """Keep the files of a workspace that git does not take; where they are."""
    return work.relative(await workspace.keep_files(work, sandbox, logs))


async def _put_aside(work: Work, sandbox: Sandbox, before: Brought, logs: Path) -> Brought:
    """Keep what the session did apart: the next one starts from where this one did."""
    return replace(before, saved_as=await workspace.save_aside(work, sandbox, PURPOSE, logs))
