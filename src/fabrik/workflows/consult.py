"""Consults the run's agent: a session that reads the project and answers with a document, and nothing else.

Each session has a fresh HOME and sees a read-only checkout. What it leaves as its report is read strictly; a
report that cannot be used gets one repair. What it does besides goes nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from fabrik.errors import SandboxBroken
from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import Feedback
from fabrik.outcome import POLICIES, Cause, Verdict
from fabrik.prompts.render import fence
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.vcs.inside import review_argv
from fabrik.workflows.attempts import ended_before, reason_of, wait_for_provider
from fabrik.workflows.logs import seal, tail
from fabrik.workflows.playing import REPORT, Part, make_ready, play
from fabrik.workflows.review.document import DOCUMENT_BYTES
from fabrik.workflows.review.model import ReviewSession
from fabrik.workflows.work import Stop, Work
from fabrik.workflows.workspace import ADVISER, CHECKOUT, git_inside, open_sandbox

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A report that cannot be used."""

    problem: str  # what is wrong with it, in one line


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a prompt says that is known only when its session is made. Paths are paths inside."""

    workspace: str  # where the checkout is
    report: str  # where the answer goes
    repair_problem: str = ""  # what was wrong with the report before; "": this is the first try
    repair_report: str = ""  # … and that report, fenced


@dataclass(frozen=True, kw_only=True)
class Consultation(Generic[T]):
    """Something that an agent is asked for. `prompt` and `read` are pure: a resumed run calls them again."""

    key: str  # of its step, such as question#3
    prompt: Callable[[Told], str]
    read: Callable[[bytes | None], T | Unusable]  # the report; None: there is none
    files: Mapping[str, bytes] = field(default_factory=dict)  # for its HOME
    inputs: Mapping[str, Any] = field(default_factory=dict)  # what the answer depends on, for the journal


class Adviser:
    """Where a run's agent is consulted: its sandbox, and the checkout that it reads, made when needed."""

    def __init__(self, work: Work, commit: str | None = None) -> None:
        """commit: what is checked out; None: where the run starts from."""
        self.work = work
        self.commit = commit or work.base
        self._sandbox: Sandbox | None = None

    async def sandbox(self, logs: Path) -> Sandbox:
        """The sandbox, before the checkout. Raises SandboxBroken, VcsError, DiskFull."""
        if self._sandbox is None:
            await self._check_out(logs / "checkout.log")
            self._sandbox = await open_sandbox(self.work, ADVISER)
        return self._sandbox

    async def _check_out(self, log: Path) -> None:
        work = self.work
        checkout = await open_sandbox(work, CHECKOUT)
        argv = review_argv(
            checkout.workspace,
            work.repo.objects,
            work.repo.base_objects,
            base=work.base,
            commit=self.commit,
            neutral=None,
        )
        ended = await checkout.exec(git_inside(argv, log, log))
        if not ended.ok:
            raise SandboxBroken(f"no checkout of the project: {tail(log)}", where=checkout.name)


async def consult(adviser: Adviser, asked: Consultation[T]) -> T:
    """The agent's answer. Raises Stop when it gives none that can be used, or only time or a human helps."""
    tries = 0
    while True:
        key = f"{asked.key}/again#{tries}" if tries else asked.key
        session = await _hear(adviser, asked, key, "", "")
        answer = _read(asked, session)
        if isinstance(answer, Unusable):
            session = await _hear(adviser, asked, f"{key}/repair", answer.problem, session.report or "")
            answer = _read(asked, session)
        if not isinstance(answer, Unusable):
            return answer
        if not adviser.work.grants.take():
            raise Stop(
                Verdict.FAILED,
                f"the agent's answer ({asked.key}) cannot be used, not after one repair either: "
                f"{answer.problem}",
                met_again=True,
            )
        tries += 1


def _read(asked: Consultation[T], session: ReviewSession) -> T | Unusable:
    if session.cause is not Cause.ENDED:
        return Unusable(problem=reason_of(POLICIES[session.cause], session.detail))
    return asked.read(None if session.report is None else session.report.encode("utf-8", "replace"))


async def _hear(
    adviser: Adviser, asked: Consultation[T], key: str, problem: str, report: str
) -> ReviewSession:
    """One session that counts: what is nobody's fault is tried again, each time as a step of its own."""
    work = adviser.work
    inputs = {
        **asked.inputs,
        "commit": adviser.commit,
        "agent": work.context.agent.name,
        "model": work.context.agent.model,
        "repair": problem,
    }
    failures = number = 0
    while True:
        step_key = f"{key}/retry#{number}" if number else key

        async def look(step: StepContext) -> ReviewSession:
            return await _session(adviser, step, asked, problem, report)

        session = await work.journal.step(step_key, look, result=ReviewSession, inputs=inputs)
        policy = POLICIES[session.cause]
        if policy.verdict == "none":
            return session
        number += 1
        failures += 1
        if failures > policy.retries:
            if not work.grants.take():
                why = reason_of(policy, session.detail, failures)
                raise Stop(Verdict(policy.verdict), why, met_again=True)
            failures = 0
        elif policy.wait != "none" and not ended_before(work, f"{key}/retry#{number}"):
            await wait_for_provider(work, step_key, policy, session.retry_at, failures)


async def _session(
    adviser: Adviser, step: StepContext, asked: Consultation[T], problem: str, report: str
) -> ReviewSession:
    """Let the agent answer. Raises SandboxBroken, VcsError, DiskFull."""
    work = adviser.work
    step.tell("session.started", agent=work.agent.name, role="plan", attempt=step.attempt)
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    sandbox = await adviser.sandbox(logs)

    def prompt(place: str, _: Sequence[Feedback]) -> str:
        earlier = fence(report) if report.strip() else ""
        return asked.prompt(
            Told(workspace=sandbox.workspace, report=place, repair_problem=problem, repair_report=earlier)
        )

    sealed = work.context.agent
    part = Part(
        agent=work.agent,
        sealed=sealed,
        role="plan",
        prompt=prompt,
        limits=work.session_limits,
        model=sealed.model,
        files=asked.files,
    )
    ready = await make_ready(work, step.key, sandbox, part, logs)
    played = await play(work, step, work.agent, ready, logs)
    left, transcript, stderr = await asyncio.gather(
        sandbox.read_file(f"{sandbox.home}/{REPORT}", DOCUMENT_BYTES + 1),
        seal(logs / "stdout.log", work.paths.directory),
        seal(logs / "stderr.log", work.paths.directory),
    )
    conclusion = played.conclusion
    step.tell("session.ended", cause=conclusion.cause, seconds=played.ended.seconds, detail=conclusion.detail)
    return ReviewSession(
        cause=conclusion.cause,
        detail=conclusion.detail,
        seconds=played.ended.seconds,
        transcript=transcript,
        stderr=stderr,
        report=None if left is None else left.decode("utf-8", "backslashreplace"),
        retry_at=conclusion.resets_at,
    )
