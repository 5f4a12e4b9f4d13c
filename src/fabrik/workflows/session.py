"""One session: an agent's process in a sandbox, from the prompt to a commit in the run's repository."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from fabrik.agents.agent import Role, SessionRequest
from fabrik.events import SessionStarted
from fabrik.ledger.journal import StepContext
from fabrik.outcome import POLICIES
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Sandbox
from fabrik.workflows import workspace
from fabrik.workflows.agent_report import AgentReport, read_report
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.briefing import Prompt
from fabrik.workflows.conclusion import conclude
from fabrik.workflows.logs import seal
from fabrik.workflows.results import SessionResult
from fabrik.workflows.telling import Teller
from fabrik.workflows.transcript import TranscriptReader
from fabrik.workflows.work import Work

PURPOSE = "work"  # the sandbox that a run's implementing sessions share
REPORT = "fabrik-report.json"  # in the session's HOME
REPORT_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What a session's work became."""

    head: str  # the commit after it
    tree: str
    leftover: bool = False
    rewritten: bool = False
    notes: tuple[str, ...] = ()
    saved_as: str | None = None


async def run_session(
    work: Work,
    step: StepContext,
    *,
    role: Role,
    head: str,
    tree: str,
    prompt: Prompt,
    message: str,
    meanwhile: Callable[[], None],
) -> SessionResult:
    """Run one session on a workspace at `head` (with that tree) and bring back what it did.

    `prompt` is given the path of the report; `message` is for a commit of what the agent leaves uncommitted.
    `meanwhile` is called once the agent is about to start, for what can be prepared while it works.
    Raises SandboxBroken, VcsError, DiskFull; how the agent fails is in the result.
    """
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as open_things:
        async with work.gateway.door(step.key) as door:
            doors = Doors(models=door.models, proxy=door.proxy)
            sandbox = await workspace.ready(work, PURPOSE, head, logs, doors)
            workspace.mark(work, PURPOSE, None)
            ahead = workspace.harvest_ahead(work, sandbox, head, message, logs)
            await open_things.enter_async_context(ahead)
            meanwhile()
            ahead.begin()
            ended, reader = await _play(work, step, sandbox, doors, role, prompt, logs)
        calls = work.ledger.model_calls(work.run, step.key)
        conclusion = conclude(work.agent, ended, tuple(reader.structural), logs / "stderr.log", calls)
        before = Brought(head=head, tree=tree)
        keep = POLICIES[conclusion.cause].keep_work
        brought, (report, problem), transcript, stderr = await asyncio.gather(
            _land(work, step, sandbox, before, message, logs, ahead)
            if keep
            else _put_aside(work, sandbox, before, logs),
            _read_report(sandbox),
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
        session_id=next((e.session_id for e in reader.structural if isinstance(e, SessionStarted)), None),
        says=report.status if report else "",
        question="\n".join([*report.issues, *report.next]) if report and report.status == "blocked" else "",
        notes=(*([problem] if problem else ()), *brought.notes),
        retry_at=conclusion.resets_at,
        saved_as=brought.saved_as,
    )


async def _play(
    work: Work, step: StepContext, sandbox: Sandbox, doors: Doors, role: Role, prompt: Prompt, logs: Path
) -> tuple[Exit, TranscriptReader]:
    request = SessionRequest(
        prompt=prompt(f"{sandbox.home}/{REPORT}"),
        role=role,
        run=work.run,
        step=step.key,
        workspace=sandbox.workspace,
        home=sandbox.home,
        report=f"{sandbox.home}/{REPORT}",
        models_url=sandbox.endpoints.models,
        model=work.context.model,
        options=work.context.agent_options,
    )
    invocation = work.agent.invocation(request)
    reader = TranscriptReader(logs / "stdout.log", work.agent.parse)
    teller = Teller(step)
    following = asyncio.create_task(reader.follow(teller.tell))
    try:
        ended = await sandbox.exec(
            Command(
                argv=invocation.argv,
                env={**workspace.proxy_env(sandbox), **invocation.env},
                stdin=invocation.stdin,
                files=invocation.files,
                stdout=logs / "stdout.log",
                stderr=logs / "stderr.log",
                limits=work.session_limits,
                doors=doors,
            )
        )
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
    for event in await asyncio.to_thread(reader.finish):
        teller.tell(event)
    return ended, reader


async def _read_report(sandbox: Sandbox) -> tuple[AgentReport | None, str]:
    data = await sandbox.read_file(f"{sandbox.home}/{REPORT}", REPORT_BYTES)
    return read_report(data) if data is not None else (None, "")


async def _land(
    work: Work,
    step: StepContext,
    sandbox: Sandbox,
    before: Brought,
    message: str,
    logs: Path,
    ahead: Ahead,
) -> Brought:
    """Put what the session did on top of the commit it started from."""
    into = f"steps/{step.key.replace('#', '.')}/{step.attempt}"
    left = await workspace.harvest(work, sandbox, before.head, message, into, logs, ahead)
    landed = await work.repo.land(before.head, left.head, message, work.identity, when=datetime.now(UTC))
    healthy = left.harvest.git == "healthy"
    in_step = healthy and not left.harvest.leftover and landed.commit == left.head
    workspace.mark(work, PURPOSE, landed.commit, in_step=in_step)
    damage = (
        () if healthy else (f"the workspace's .git was {left.harvest.git}; the files were saved without it",)
    )
    return Brought(
        head=landed.commit,
        tree=landed.tree,
        leftover=left.harvest.leftover,
        rewritten=landed.rewritten,
        notes=(*left.harvest.notes, *damage),
    )


async def _put_aside(work: Work, sandbox: Sandbox, before: Brought, logs: Path) -> Brought:
    """Keep what the session did apart: the next one starts from where this one did."""
    return replace(before, saved_as=await workspace.save_aside(work, sandbox, PURPOSE, logs))
