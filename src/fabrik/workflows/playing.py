"""Playing a session: an agent's process in a sandbox, with its doors, prompt, limits and transcript.

What becomes of what it leaves is decided elsewhere: session.py brings work back, review/session.py a report.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from fabrik.agents.agent import Agent, Conclusion, Role, SessionRequest
from fabrik.agents.environment import JUDGES
from fabrik.events import SessionEvent
from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import Feedback
from fabrik.sandboxes.sandbox import Command, Doors, Exit, Limits, Prepared, Sandbox
from fabrik.workflows import judge_inside, workspace
from fabrik.workflows.briefing import Prompt
from fabrik.workflows.conclusion import conclude
from fabrik.workflows.context import SealedAgent
from fabrik.workflows.telling import Teller
from fabrik.workflows.transcript import TranscriptReader
from fabrik.workflows.work import Work

REPORT = "fabrik-report.json"  # in the session's HOME


@dataclass(frozen=True, kw_only=True)
class Part:
    """What a session is about."""

    agent: Agent
    sealed: SealedAgent
    role: Role
    prompt: Prompt
    limits: Limits
    people: Sequence[Feedback] = ()  # what humans said since the last session
    model: str | None = None
    reviewer: str = ""
    commit: str = ""  # of a review: what is judged …
    base: str = ""  # … and compared with
    files: Mapping[str, bytes] = field(default_factory=dict)  # more of them, for its HOME


@dataclass(frozen=True, kw_only=True)
class ReadySession:
    """A session that only needs the word to start: its doors are open, its process waits."""

    sandbox: Sandbox
    doors: Doors
    command: Command
    prepared: Prepared
    open_things: AsyncExitStack
    files: Mapping[str, bytes] = field(default_factory=dict)  # for its HOME, besides those of the command
    env: Mapping[str, str] = field(default_factory=dict)  # besides that of the command

    async def discard(self) -> None:
        """Give it up; nothing of the agent was started."""
        await self.prepared.discard()
        await self.open_things.aclose()


@dataclass(frozen=True, kw_only=True)
class Played:
    """How a session's process ended."""

    ended: Exit
    conclusion: Conclusion
    events: Sequence[SessionEvent]  # the structural ones


async def make_ready(
    work: Work, key: str, sandbox: Sandbox, part: Part, logs: Path, *, untold: bool = False
) -> ReadySession:
    """Do all that comes before a session's start, except for its workspace; its HOME is made anew.

    untold: its prompt, its files and what it is about are not known yet; `tell` them before it starts.
    Raises SandboxBroken, DiskFull.
    """
    logs.mkdir(parents=True, exist_ok=True)
    open_things = AsyncExitStack()
    try:
        door = await open_things.enter_async_context(work.gateway.door(key))
        doors = Doors(models=door.models, proxy=door.proxy)
        command = _command(work, key, sandbox, doors, part, logs)
        if untold:
            command = replace(command, stdin=_to_be_written(open_things), files={})
        prepared = await sandbox.prepare(command)
    except BaseException:
        await open_things.aclose()
        raise
    return ReadySession(
        sandbox=sandbox, doors=doors, command=command, prepared=prepared, open_things=open_things
    )


def _to_be_written(open_things: AsyncExitStack) -> Path:
    """An empty file in memory for the command to have open: what is written to it later is what it reads."""
    fd = os.memfd_create("prompt", os.MFD_CLOEXEC)
    open_things.callback(os.close, fd)
    return Path(f"/proc/self/fd/{fd}")


def tell(work: Work, key: str, ready: ReadySession, part: Part, logs: Path) -> ReadySession | None:
    """Give an untold session its prompt, files and variables. None when it is not what was made ready.

    That is so where an agent's command line depends on them: it has to be made anew then.
    """
    made = ready.command
    command = _command(work, key, ready.sandbox, ready.doors, part, logs)
    if replace(command, stdin=made.stdin, files=made.files, env=made.env) != made:
        return None
    if made.env.keys() - command.env.keys():  # a variable cannot be taken away again
        return None
    if not isinstance(made.stdin, Path) or not isinstance(command.stdin, bytes):
        return None
    try:
        made.stdin.write_bytes(command.stdin)
    except OSError:  # the same trouble, if it lasts, is met again where it counts
        return None
    env = {name: value for name, value in command.env.items() if made.env.get(name) != value}
    return replace(ready, files=command.files or {}, env=env)


def _command(work: Work, key: str, sandbox: Sandbox, doors: Doors, part: Part, logs: Path) -> Command:
    report = f"{sandbox.home}/{REPORT}"
    invocation = part.agent.invocation(
        SessionRequest(
            prompt=part.prompt(report, part.people),
            role=part.role,
            run=work.run,
            step=key,
            workspace=sandbox.workspace,
            home=sandbox.home,
            report=report,
            models_url=sandbox.endpoints.models,
            model=part.model,
            options=part.sealed.options,
            reviewer=part.reviewer,
            commit=part.commit,
            base=part.base,
        )
    )
    return Command(
        argv=invocation.argv,
        cwd=invocation.cwd,
        env={**workspace.proxy_env(sandbox), **_judge(work, sandbox, part), **invocation.env},
        stdin=invocation.stdin,
        files={**part.files, **invocation.files},
        stdout=logs / "stdout.log",
        stderr=logs / "stderr.log",
        limits=part.limits,
        doors=doors,
    )


def _judge(work: Work, sandbox: Sandbox, part: Part) -> Mapping[str, str]:
    """Who implements may run the checks as the host does, with the judge that they ask."""
    return {} if part.role in JUDGES else judge_inside.variables(work, sandbox)


async def play(
    work: Work,
    step: StepContext,
    agent: Agent,
    ready: ReadySession,
    logs: Path,
    meanwhile: Callable[[], None] = lambda: None,
) -> Played:
    """Start it and see it to its end. meanwhile: called once it is about to start."""
    earlier = work.ledger.calls_started(work.run)  # a start of this step that was cut off may have made calls
    reader = TranscriptReader(logs / "stdout.log", agent.parse)
    teller = Teller(step)
    async with ready.open_things:
        meanwhile()
        following = asyncio.create_task(reader.follow(teller.tell))
        try:
            ended = await ready.prepared.run(ready.files, ready.env)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        for event in await asyncio.to_thread(reader.finish):
            teller.tell(event)
    calls = [call for call in work.ledger.model_calls(work.run, step.key) if call.id > earlier]
    events = tuple(reader.structural)
    conclusion = conclude(agent, ended, events, logs / "stderr.log", calls)
    return Played(ended=ended, conclusion=conclusion, events=events)
