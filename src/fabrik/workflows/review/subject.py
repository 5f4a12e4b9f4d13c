"""What a round of reviews is about, and who is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.agents.agent import Agent, Role
from fabrik.ledger.types import ReviewKind
from fabrik.tampering.model import Tamper
from fabrik.workflows.context import VERIFIER, SealedAgent, SealedReviewer, SealedTask
from fabrik.workflows.results import CheckResult
from fabrik.workflows.review.model import Finding
from fabrik.workflows.work import Work


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One commit that is to be reviewed."""

    kind: ReviewKind
    number: int  # of the round
    key: str  # of the round's summary step: `review#1`, `task/1/review#1`
    commit: str
    base: str  # what it is compared with
    task: SealedTask | None  # of a light review
    checks: Sequence[tuple[str, Sequence[CheckResult]]]  # how they were run → what came of them
    held_out: int = 0  # held-out checks that passed: their number is all that anybody is told
    tampers: Sequence[Tamper] = ()
    earlier: Sequence[Finding] = ()  # of the round before, to be looked at again

    @property
    def holding(self) -> tuple[str, ...]:
        """The paths of changed files that judge the work, and hold its approval."""
        return tuple(dict.fromkeys(tamper.path for tamper in self.tampers if tamper.holds))


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One reviewer of a round: who plays it, and with what in view."""

    id: str
    role: Role
    agent: Agent
    sealed: SealedAgent
    model: str | None
    reviewer: SealedReviewer | None  # None: the verifier


def light_seats(work: Work) -> tuple[Seat, ...]:
    """The reviewers of each task."""
    review = work.context.review
    return tuple(_seat(work, reviewer) for reviewer in review.light) if review else ()


def full_seats(work: Work) -> tuple[Seat, ...]:
    """The reviewers of a candidate, and the verifier."""
    review = work.context.review
    if review is None:
        return ()
    assert work.verifier is not None  # noqa: S101 - nobody reviews without one
    verifier = Seat(
        id=VERIFIER,
        role="verify",
        agent=work.verifier,
        sealed=review.verifier,
        model=review.verifier.model,
        reviewer=None,
    )
    return (*(_seat(work, reviewer) for reviewer in review.full), verifier)


def _seat(work: Work, reviewer: SealedReviewer) -> Seat:
    review = work.context.review
    assert review is not None and work.reviewer is not None  # noqa: S101 - who is sealed is played
    return Seat(
        id=reviewer.id,
        role="review",
        agent=work.reviewer,
        sealed=review.agent,
        model=reviewer.model or review.agent.model,
        reviewer=reviewer,
    )
