"""A session with its retries: what is nobody's fault is tried again, what needs a human stops the run."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from fabrik.agents.agent import Role
from fabrik.ledger.journal import StepContext
from fabrik.outcome import POLICIES, Policy, Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.briefing import Prompt
from fabrik.workflows.results import SessionResult
from fabrik.workflows.session import ReadySession, run_session
from fabrik.workflows.work import Stop, Work

BACKOFF_FIRST = 5.0  # seconds before the first retry of a provider that is down; doubled each time …
BACKOFF_MOST = 600.0  # … up to this
SHORTEST = 1.0  # seconds, where a provider names a time that is past
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
) -> SessionResult:
    """Run the session `key` until it counts, with bounded retries, each a step of its own.

    Raises Stop when the retries are used up, when a human is needed, or when the run's iterations are.
    """
    failures = 0
    number = 0
    while True:
        step_key = f"{key}/retry#{number}" if number else key
        _bound_iterations(work, step_key)

        async def play(step: StepContext) -> SessionResult:
            step.tell("session.started", agent=work.agent.name, role=role, attempt=step.attempt)
            return await run_session(
                work,
                step,
                role=role,
                head=head,
                tree=tree,
                prompt=prompt,
                message=message,
                ahead=ahead,
                meanwhile=meanwhile,
                afterwards=afterwards,
            )

        inputs = {
            "head": head,
            "role": role,
            "prompt": prompt("$FABRIK_REPORT"),
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
            if not work.grants.take():
                raise Stop(Verdict(policy.verdict), _reason(policy, result, failures), met_again=True)
            failures = 0
            if policy.keep_work:  # a budget that a human has raised: go on from what there is
                return result
        elif policy.wait != "none" and not _ended(work, f"{key}/retry#{number}"):
            await _wait(work, step_key, policy, result, failures)


def _bound_iterations(work: Work, key: str) -> None:
    most = work.context.limits.iterations
    if most and len(work.sessions) >= most * work.grants.rounds:
        if work.grants.take():
            work.grants.rounds += 1
            return
        raise Stop(
            Verdict.EXHAUSTED,
            f"{most} sessions were used up before {key}: resume grants as many again",
            met_again=True,
        )


def _reason(policy: Policy, result: SessionResult, failures: int) -> str:
    times = f" {failures} times in a row" if failures > 1 else ""
    detail = f": {result.detail}" if result.detail else ""
    return f"{policy.message}{times}{detail}"


def _ended(work: Work, key: str) -> bool:
    """A resumed run does not wait again for what was waited for before."""
    return any(step.key == key and step.state == "finished" for step in work.ledger.steps(work.run))


async def _wait(work: Work, key: str, policy: Policy, result: SessionResult, failures: int) -> None:
    """Wait as the provider asked, or with a growing pause. The wall clock is not trusted beyond the bound."""
    longest = work.context.limits.max_wait_seconds
    if policy.wait == "reset" and result.retry_at is not None:
        pause = max(SHORTEST, result.retry_at - time.time())
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
