"""What a reviewer's session says: its report, validated, as an opinion. Nothing invalid is an approval."""

from __future__ import annotations

from dataclasses import dataclass

from fabrik.ledger.types import ReviewStatus
from fabrik.outcome import Cause
from fabrik.workflows.review.model import Asked, Criterion, Opinion, Reported, ReviewSession, Verified
from fabrik.workflows.review.report import read_review
from fabrik.workflows.review.subject import Seat, Subject
from fabrik.workflows.review.verifier_report import paths_named, read_verified
from fabrik.workflows.work import Work

FILE_BYTES = 8 << 20  # of a file whose lines are counted


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An opinion; of the verifier also its table."""

    opinion: Opinion
    criteria: tuple[Criterion, ...] = ()
    asked: tuple[Asked, ...] = ()


def silent(reviewer: str, reason: str) -> Answer:
    """No verdict, and why."""
    return Answer(opinion=Opinion(reviewer=reviewer, status="no_verdict", reason=reason))


async def read_answer(work: Work, subject: Subject, seat: Seat, session: ReviewSession) -> Answer | str:
    """What a session's report says, or what is wrong with it. Raises VcsError."""
    if session.cause is not Cause.ENDED:
        return ""
    data = None if session.report is None else session.report.encode("utf-8", "replace")
    if seat.role != "verify":
        found = read_review(data, reviewer=seat.id, commit=subject.commit)
        return found if isinstance(found, str) else Answer(opinion=opinion_of(seat.id, found))
    lines = await _lines(work, subject.commit, data or b"")
    verified = read_verified(
        data,
        commit=subject.commit,
        criteria=work.context.accept,
        checks={check.name: check.ok for _, ways in subject.checks[:1] for check in ways},
        lines=lines.get,
        spec_text=work.context.spec_text,
        protected=subject.holding,
    )
    if isinstance(verified, str):
        return verified
    opinion = opinion_of_verifier(seat.id, verified)
    return Answer(opinion=opinion, criteria=verified.criteria, asked=verified.asked)


def opinion_of(reviewer: str, reported: Reported) -> Opinion:
    """A reviewer's report as an opinion."""
    return Opinion(
        reviewer=reviewer,
        status="approved" if reported.approved else "changes_requested",
        issues=reported.issues,
        next=reported.next,
    )


def opinion_of_verifier(reviewer: str, verified: Verified) -> Opinion:
    """The verifier approves when every criterion is met, and nothing else has to change."""
    unmet = [
        f"criterion {found.number} is not met: {found.text} ({found.why or 'no evidence'})"
        for found in verified.criteria
        if not found.met
    ]
    issues = (*unmet, *verified.issues)
    status: ReviewStatus = "changes_requested" if issues else "approved"
    return Opinion(reviewer=reviewer, status=status, issues=issues)


async def _lines(work: Work, commit: str, report: bytes) -> dict[str, int]:
    """The number of lines of each file of the candidate that a verifier's report points at."""
    paths = paths_named(report)
    if not paths:
        return {}
    counts = {}
    for path in sorted(paths & {entry.path for entry in await work.repo.ls(commit)}):
        content = await work.repo.read_file(commit, path, FILE_BYTES)
        if content is not None:
            counts[path] = len(content.splitlines())
    return counts
