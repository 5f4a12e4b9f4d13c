"""One round of reviews: everybody looks at one commit at the same time, and the host sums up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import ReviewerOutcome, ReviewStatus, ReviewSummary
from fabrik.workflows.context import TAMPERING, VERIFIER
from fabrik.workflows.review.answers import Answer
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.findings import number, tampering
from fabrik.workflows.review.model import Finding, Opinion, Round
from fabrik.workflows.review.readers import Readers
from fabrik.workflows.review.reviewer import ask, row
from fabrik.workflows.review.subject import Seat, Subject
from fabrik.workflows.work import Stop, Work


async def hold(
    work: Work, subject: Subject, seats: Sequence[Seat], before: Round | None, desk: Desk | None = None
) -> Round:
    """Ask every seat that has not said anything about this commit yet, and sum up.

    before: the round before; what was said there of the same commit still counts. desk: made ready for it.
    Raises Stop when only a human or time can bring a missing answer.
    """
    if desk is None:
        desk = Desk(work=work, commit=subject.commit, base=subject.base, readers=Readers(work=work))
    async with desk:
        answers = await _ask_all(work, subject, desk, seats, before)
    if subject.kind == "full":
        await desk.clear()
    known = before.findings if before is not None and before.commit == subject.commit else ()
    summary = await _sum_up(work, subject, seats, answers, known)
    for finding in summary.findings:
        if finding not in known:
            work.findings[finding.reviewer] += 1
    return summary


async def _ask_all(
    work: Work, subject: Subject, desk: Desk, seats: Sequence[Seat], before: Round | None
) -> dict[str, Answer]:
    answers = _kept(before, subject.commit)
    cycles = 1
    while missing := [seat for seat in seats if seat.id not in answers]:
        asked = [ask(work, subject, desk, seat, cycles=cycles) for seat in missing]
        heard = await asyncio.gather(*asked, return_exceptions=True)
        stops: list[Stop] = []
        for seat, answer in zip(missing, heard, strict=True):
            if isinstance(answer, Answer):
                answers[seat.id] = answer
            elif isinstance(answer, Stop):
                stops.append(answer)
            else:
                raise answer
        if stops and not work.grants.take():
            raise stops[0]
        cycles += 1
    return answers


def _kept(before: Round | None, commit: str) -> dict[str, Answer]:
    if before is None or before.commit != commit:
        return {}
    said = (opinion for opinion in before.opinions if opinion.status != "no_verdict")
    return {
        opinion.reviewer: Answer(
            opinion=opinion,
            criteria=before.criteria if opinion.reviewer == VERIFIER else (),
            asked=before.asked if opinion.reviewer == VERIFIER else (),
        )
        for opinion in said
        if opinion.reviewer != TAMPERING
    }


async def _sum_up(
    work: Work,
    subject: Subject,
    seats: Sequence[Seat],
    answers: Mapping[str, Answer],
    known: Sequence[Finding],
) -> Round:
    verified = answers.get(VERIFIER)
    asked = verified.asked if verified else ()
    opinions = [answers[seat.id].opinion for seat in seats]
    host = [tampering(subject.tampers, asked)] if subject.kind == "full" else []

    async def sum_up(step: StepContext) -> Round:
        everybody = (*opinions, *host)
        for opinion in (*(o for o in opinions if o.status == "no_verdict"), *host):
            step.record(row(subject.kind, subject.number, subject.commit, opinion, step.key))
        summary = Round(
            kind=subject.kind,
            number=subject.number,
            commit=subject.commit,
            opinions=everybody,
            findings=number(everybody, work.findings, known),
            criteria=verified.criteria if verified else (),
            asked=asked,
        )
        step.record(_summary(summary, step.key))
        return summary

    inputs = {"commit": subject.commit, "reviewers": [seat.id for seat in seats]}
    return await work.journal.step(subject.key, sum_up, result=Round, inputs=inputs)


def _summary(summary: Round, step: str) -> ReviewSummary:
    def outcome(opinion: Opinion) -> ReviewerOutcome:
        findings = sum(finding.reviewer == opinion.reviewer for finding in summary.findings)
        return ReviewerOutcome(
            reviewer=opinion.reviewer, status=opinion.status, findings=findings, reason=opinion.reason
        )

    status: ReviewStatus = "changes_requested" if summary.findings else "no_verdict"
    return ReviewSummary(
        step=step,
        kind=summary.kind,
        round=summary.number,
        commit=summary.commit,
        status="approved" if summary.approved else status,
        reviewers=tuple(outcome(opinion) for opinion in summary.opinions),
    )
