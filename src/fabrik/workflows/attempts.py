"""A session with its retries: what is nobody's fault is tried again, what needs a human stops the run."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from fabrik.agents.agent import Role
from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import Feedback
from fabrik.outcome import POLICIES, Cause, Policy, Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.briefing import Prompt
from fabrik.workflows.playing import Part, ReadySession
from fabrik.workflows.results import SessionResult
from fabrik.workflows.session import run_session
from fabrik.workflows.work import GaveUp, Stop, Work

BACKOFF_FIRST = 5.0  # seconds before the first retry of a provider that is down; doubled each time …
BACKOFF_MOST = 600.0  # … up to this
SHORTEST = 1.0  # seconds, where a provider names a time that is past
# What a human or time must mend before any session can go on: the run waits, or stops until it is resumed.
HELD_UP = frozenset(
    {Cause.RATE_LIMITED, Cause.OVERLOADED, Cause.UNREACHABLE, Cause.AUTH, Cause.BUDGET, Cause.CANCELLED}
)
NO_FILES: Mapping[str, bytes] = MappingProxyType({})
UNKNOWN_RESET = 300.0  # seconds, where a provider asks to wait and names no time


async def session(
    work: Work,
    key: str,
    *,
    role: Role,
    head: str,
    tree: str,
    prompt: Prompt,
    message: str,
    ahead: Ahead[ReadySession] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    afterwards: Callable[[Sandbox], None] = lambda _: None,
    landed: Callable[[str], None] = lambda _: None,
    optional: bool = False,
    files: Mapping[str, bytes] = NO_FILES,
) -> SessionResult:
    """Run the session `key` until it counts, with bounded retries, each a step of its own.

    files: for its HOME. optional: the run can do without it.
    Raises Stop when the retries are used up, when a human is needed, or when the run's iterations are; GaveUp
    where an optional session fails for a reason of its own.
    """
    failures = 0
    number = 0
    while True:
        step_key = f"{key}/retry#{number}" if number else key
        _bound_iterations(work, step_key, optional=optional)

        async def play(step: StepContext) -> SessionResult:
            step.tell("session.started", agent=work.agent.name, role=role, attempt=step.attempt)
            await work.journal.take_feedback(key)
            return await run_session(
                work,
                step,
                implementing(work, role, prompt, said_so_far(work), files),
                head=head,
                tree=tree,
                message=message,
                ahead=ahead,
                meanwhile=meanwhile,
                afterwards=afterwards,
                landed=landed,
            )

        inputs = {
            "head": head,
            "role": role,
            "prompt": prompt("$FABRIK_REPORT", ()),
            "agent": work.context.agent.name,
        }
        result = await work.journal.step(step_key, play, result=SessionResult, inputs=inputs)
        policy = POLICIES[result.cause]
        if policy.counts:
            work.sessions.append(step_key)
        if policy.verdict == "none":
            return result
        number += 1
        failures += 1
        if failures > policy.retries:
            why = reason_of(policy, result.detail, failures)
            if optional and result.cause not in HELD_UP:
                raise GaveUp(why, result.cause)
            if not work.grants.take():
                raise Stop(Verdict(policy.verdict), why, met_again=True)
            failures = 0
            if policy.keep_work:  # a budget that a human has raised: go on from what there is
                return result
        elif policy.wait != "none" and not ended_before(work, f"{key}/retry#{number}"):
            await wait_for_provider(work, step_key, policy, result.retry_at, failures)


def said_so_far(work: Work) -> tuple[Feedback, ...]:
    """What humans have asked for since the run began: at its gates, and in notes that an agent was told."""
    return tuple(said for said in work.ledger.feedback(work.run) if said.notes and _asks(said))


def _asks(said: Feedback) -> bool:
    return said.used_by is not None or (said.decision == "rejected" and said.gate is not None)


def implementing(
    work: Work,
    role: Role,
    prompt: Prompt,
    people: Sequence[Feedback] = (),
    files: Mapping[str, bytes] = NO_FILES,
) -> Part:
    """A session of the agent that implements."""
    sealed = work.context.agent
    return Part(
        agent=work.agent,
        sealed=sealed,
        role=role,
        prompt=prompt,
        limits=work.session_limits,
        people=people,
        model=sealed.model,
        files=files,
    )


def _bound_iterations(work: Work, key: str, *, optional: bool) -> None:
    most = work.context.limits.iterations
    if most and len(work.sessions) >= most * work.grants.rounds:
        if optional:
            raise GaveUp(f"the run has used up its {most} sessions")
        if work.grants.take():
            work.grants.rounds += 1
            return
        raise Stop(
            Verdict.EXHAUSTED,
            f"the run has used up its {most} sessions, before {key}: resume grants as many again",
            met_again=True,
        )


def reason_of(policy: Policy, detail: str, failures: int = 1) -> str:
    """Why a session did not count, in one line."""
    times = f" {failures} times in a row" if failures > 1 else ""
    detail = f": {detail}" if detail else ""
    return f"{policy.message}{times}{detail}"


def ended_before(work: Work, key: str) -> bool:
    """A resumed run does not wait again for what was waited for before."""
    return any(step.key == key and step.state == "finished" for step in work.ledger.steps(work.run))


async def wait_for_provider(
    work: Work, key: str, policy: Policy, retry_at: float | None, failures: int
) -> None:
    """Wait as the provider asked, or with a growing pause. The wall clock is not trusted beyond the bound.

    retry_at: seconds since the epoch, where the provider named a time. Raises Stop when it asks for more
    than the run may wait.
    """
    longest = work.context.limits.max_wait_seconds
    if policy.wait == "reset" and retry_at is not None:
        pause = max(SHORTEST, retry_at - time.time())
        if pause > longest:
            raise Stop(
                Verdict.BLOCKED,
                f"{policy.message}: it asks to wait {_span(pause)}, longer than max_wait; resume later",
            )
    elif policy.wait == "reset":
        pause = min(longest, UNKNOWN_RESET)
    else:
        growing = min(BACKOFF_MOST, BACKOFF_FIRST * 2 ** (failures - 1))
        pause = min(longest, growing * random.uniform(0.8, 1.2))  # noqa: S311
    await work.journal.event("wait", step=key, reason=policy.message, until=time.time() + pause)
    await asyncio.sleep(pause)


def _span(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{max(1, round(seconds / 60))} min"
