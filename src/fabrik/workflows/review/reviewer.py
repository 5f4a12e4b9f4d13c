"""Asks one reviewer: with retries for what is nobody's fault, and one repair of a malformed report.

Whatever goes wrong, the answer is never an approval.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import ReviewReport
from fabrik.outcome import POLICIES, Cause
from fabrik.workflows.attempts import reason_of
from fabrik.workflows.review.answers import Answer, read_answer, silent
from fabrik.workflows.review.briefing import Repair
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.hearing import hear
from fabrik.workflows.review.model import Opinion, ReviewSession
from fabrik.workflows.review.session import run_review_session
from fabrik.workflows.review.subject import Seat, Subject
from fabrik.workflows.work import Grants, Work


@dataclass(frozen=True, kw_only=True)
class _Heard:
    session: ReviewSession
    answer: Answer | str  # a text: what is wrong with the report, or why there is none
    failures: int  # in a row, the last one counted


async def ask(work: Work, subject: Subject, desk: Desk, seat: Seat, *, cycles: int) -> Answer:
    """What this reviewer says of the commit.

    cycles: how often its bounded retries are granted; more than one after a human has resumed the run.
    Raises Stop when only a human or time can bring an answer.
    """
    key = f"{subject.key}/{seat.id}"
    heard = await _hear(work, subject, desk, seat, key, cycles, None)
    if heard.session.cause is not Cause.ENDED or not isinstance(heard.answer, str):
        return _settle(seat, heard)
    repair = Repair(problem=heard.answer, report=heard.session.report or "")
    heard = await _hear(work, subject, desk, seat, f"{key}/repair", cycles, repair)
    return _settle(seat, heard)


def _settle(seat: Seat, heard: _Heard) -> Answer:
    if heard.session.cause is not Cause.ENDED:
        return silent(seat.id, _why_not(heard))
    if isinstance(heard.answer, str):
        return silent(seat.id, heard.answer)
    return heard.answer


def _why_not(heard: _Heard) -> str:
    policy = POLICIES[heard.session.cause]
    what = policy.message.partition(":")[0]  # what a human would do then is not what helps here
    return reason_of(replace(policy, message=what), heard.session.detail, heard.failures)


async def _hear(
    work: Work, subject: Subject, desk: Desk, seat: Seat, key: str, cycles: int, repair: Repair | None
) -> _Heard:
    """One session that counts, and what its report says."""

    async def look(step: StepContext) -> ReviewSession:
        session = await run_review_session(work, step, subject, desk, seat, repair)
        answer = await read_answer(work, subject, seat, session)
        if session.cause is Cause.ENDED and not isinstance(answer, str):
            step.record(_row(subject, answer.opinion, step.key))
        return session

    heard = await hear(
        work,
        seat,
        key,
        look,
        inputs=_inputs(subject, seat, repair),
        who=f"reviewer {seat.id}",
        grants=Grants(left=cycles - 1),
    )
    answer = await read_answer(work, subject, seat, heard.session)
    return _Heard(session=heard.session, answer=answer, failures=heard.failures)


def _inputs(subject: Subject, seat: Seat, repair: Repair | None) -> dict[str, str | bool | None]:
    return {
        "commit": subject.commit,
        "base": subject.base,
        "reviewer": seat.id,
        "prompt": seat.reviewer.prompt.sha256 if seat.reviewer else None,
        "agent": seat.sealed.name,
        "model": seat.model,
        "repair": repair is not None,
    }


def _row(subject: Subject, opinion: Opinion, step: str) -> ReviewReport:
    return row(subject.kind, subject.number, subject.commit, opinion, step)


def row(kind: str, number: int, commit: str, opinion: Opinion, step: str) -> ReviewReport:
    """An opinion as the ledger keeps it."""
    return ReviewReport(
        reviewer=opinion.reviewer,
        step=step,
        kind="light" if kind == "light" else "full",
        round=number,
        commit=commit,
        status=opinion.status,
        issues=opinion.issues,
        next=opinion.next,
        reason=opinion.reason,
    )
