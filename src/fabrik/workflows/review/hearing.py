"""A session of a reviewer or verifier with its retries: what is nobody's fault is tried again, bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fabrik.ledger.journal import StepContext
from fabrik.outcome import POLICIES, Verdict
from fabrik.workflows.attempts import HELD_UP, ended_before, reason_of, wait_for_provider
from fabrik.workflows.review.model import ReviewSession
from fabrik.workflows.review.subject import Seat
from fabrik.workflows.work import Grants, Stop, Work


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A session that counts, or the last one where the retries are used up."""

    session: ReviewSession
    failures: int = 1  # in a row, where it does not count; the last one included


async def hear(
    work: Work,
    seat: Seat,
    key: str,
    look: Callable[[StepContext], Awaitable[ReviewSession]],
    *,
    inputs: Mapping[str, str | bool | None],
    who: str,
    grants: Grants,
) -> Heard:
    """Let somebody look until it counts, each time as a step of its own.

    who: as a human is told. grants: how often the bounded retries are given anew.
    Raises Stop when only a human or time can bring an answer, and whatever look raises.
    """

    async def begin(step: StepContext) -> ReviewSession:
        step.tell(
            "session.started",
            agent=seat.sealed.name,
            role=seat.role,
            reviewer=seat.id,
            attempt=step.attempt,
        )
        return await look(step)

    failures = number = 0
    while True:
        step_key = f"{key}/retry#{number}" if number else key
        session = await work.journal.step(step_key, begin, result=ReviewSession, inputs=inputs)
        policy = POLICIES[session.cause]
        if policy.verdict == "none":
            return Heard(session=session)
        number += 1
        failures += 1
        if failures > policy.retries:
            if session.cause not in HELD_UP:
                return Heard(session=session, failures=failures)
            if not grants.take():
                why = reason_of(policy, session.detail, failures)
                raise Stop(Verdict(policy.verdict), f"{who}: {why}", met_again=True)
            failures = 0
        elif policy.wait != "none" and not ended_before(work, f"{key}/retry#{number}"):
            await wait_for_provider(work, step_key, policy, session.retry_at, failures)
