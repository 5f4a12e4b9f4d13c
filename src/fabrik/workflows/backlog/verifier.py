"""The independent verifier: a session on a read-only checkout of exactly one commit, and what it says.

It answers with a report, criterion by criterion (docs of the command agent), or with the exit contract of
Ralph Driven Development alone. It must say yes for that very commit; whatever else it says is no.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from fabrik.backlog.contract import read_contract
from fabrik.backlog.markers import tail
from fabrik.backlog.scratchpad import MOST_BYTES, NAME
from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import ReviewerOutcome, ReviewSummary
from fabrik.outcome import POLICIES, Cause
from fabrik.workflows.attempts import reason_of
from fabrik.workflows.backlog.answer import answer, readable
from fabrik.workflows.backlog.books import Books
from fabrik.workflows.backlog.sealed import SealedBacklog
from fabrik.workflows.backlog.telling import verify as prompt_for
from fabrik.workflows.context import VERIFIER
from fabrik.workflows.logs import seal
from fabrik.workflows.playing import REPORT, make_ready, play
from fabrik.workflows.review.answers import Answer, read_answer
from fabrik.workflows.review.briefing import Repair, prompt_of
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.document import DOCUMENT_BYTES
from fabrik.workflows.review.findings import number as numbered
from fabrik.workflows.review.findings import tampering
from fabrik.workflows.review.hearing import hear
from fabrik.workflows.review.model import Opinion, ReviewSession, Round
from fabrik.workflows.review.readers import Readers, part_of
from fabrik.workflows.review.reviewer import row
from fabrik.workflows.review.subject import Seat, Subject
from fabrik.workflows.work import Work

ENOUGH = 4_000  # characters of what a verifier said that count as what it wants


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What the verifier came to."""

    yes: bool
    issues: tuple[str, ...]  # what has to change
    reason: str  # why there is no verdict
    output: str  # the end of what it said
    log: str  # its session, for people


@dataclass(frozen=True, kw_only=True)
class _Heard:
    session: ReviewSession
    said: str
    log: str


async def ask(work: Work, sealed: SealedBacklog, books: Books, subject: Subject) -> Verified:
    """Let the verifier look at a commit. Raises Stop when only a human or time can bring an answer."""
    seat = _seat(work)
    known = await work.repo.commits(work.base, subject.commit) == 0
    desk = Desk(work=work, commit=subject.commit, base=subject.base, readers=Readers(work=work), known=known)
    async with desk:
        heard, answered = await _answer(work, sealed, books, subject, desk, seat)
    await desk.clear()
    opinion = answered.opinion
    host = tampering(subject.tampers, answered.asked)
    opinions = (opinion, *((host,) if subject.tampers else ()))

    async def sum_up(step: StepContext) -> Round:
        summary = Round(
            kind="full",
            number=subject.number,
            commit=subject.commit,
            opinions=opinions,
            findings=numbered(opinions, work.findings),
            criteria=answered.criteria,
            asked=answered.asked,
        )
        for one in opinions:
            step.record(row("full", subject.number, subject.commit, one, step.key))
        step.record(_summary(summary, step.key))
        return summary

    inputs = {"commit": subject.commit, "reviewers": [seat.id]}
    summed = await work.journal.step(subject.key, sum_up, result=Round, inputs=inputs)
    for finding in summed.findings:
        work.findings[finding.reviewer] += 1
    return Verified(
        yes=summed.approved,
        issues=tuple(issue for one in summed.opinions for issue in _asked_for(one)),
        reason=opinion.reason,
        output=tail(heard.said),
        log=heard.log,
    )


def _asked_for(opinion: Opinion) -> tuple[str, ...]:
    return opinion.issues if opinion.status == "changes_requested" else ()


def _seat(work: Work) -> Seat:
    review, verifier = work.context.review, work.verifier
    assert review is not None and verifier is not None  # noqa: S101 - sealed by dispatch in every case
    return Seat(
        id=VERIFIER,
        role="verify",
        agent=verifier,
        sealed=review.verifier,
        model=review.verifier.model,
        reviewer=None,
    )


async def _answer(
    work: Work, sealed: SealedBacklog, books: Books, subject: Subject, desk: Desk, seat: Seat
) -> tuple[_Heard, Answer]:
    """What it says, after one repair of a report that cannot be used."""
    key = f"{subject.key}/{seat.id}"
    heard = await _hear(work, sealed, books, subject, desk, seat, key, None)
    answered = await _understood(work, sealed, subject, seat, heard)
    if isinstance(answered, str):
        repair = Repair(problem=answered, report=heard.session.report or "")
        heard = await _hear(work, sealed, books, subject, desk, seat, f"{key}/repair", repair)
        answered = await _understood(work, sealed, subject, seat, heard)
    if isinstance(answered, str):
        answered = _no_verdict(answered)
    return heard, answered


async def _understood(
    work: Work, sealed: SealedBacklog, subject: Subject, seat: Seat, heard: _Heard
) -> Answer | str:
    """The verdict; a text: what is wrong with the report, which may be repaired."""
    session = heard.session
    if session.cause is not Cause.ENDED:
        return _no_verdict(reason_of(POLICIES[session.cause], session.detail))
    claim = read_contract(heard.said, sealed.phrase)
    if claim.kept and claim.commit != subject.commit:
        return _no_verdict(f"it names the commit {claim.commit}, which is not the one that it was to verify")
    if session.report is not None:
        return await read_answer(work, subject, seat, session)
    if claim.kept:
        return Answer(opinion=Opinion(reviewer=VERIFIER, status="approved"))
    words = heard.said.strip()[-ENOUGH:]
    if not words:
        return _no_verdict("it said nothing and left no report")
    missing = "; ".join(claim.missing)
    issues = (f"the verifier did not say that it is done ({missing}); this is what it said:\n{words}",)
    return Answer(opinion=Opinion(reviewer=VERIFIER, status="changes_requested", issues=issues))


def _no_verdict(reason: str) -> Answer:
    return Answer(opinion=Opinion(reviewer=VERIFIER, status="no_verdict", reason=" ".join(reason.split())))


async def _hear(
    work: Work,
    sealed: SealedBacklog,
    books: Books,
    subject: Subject,
    desk: Desk,
    seat: Seat,
    key: str,
    repair: Repair | None,
) -> _Heard:
    """One session that counts, and what was said in it."""

    async def look(step: StepContext) -> ReviewSession:
        return await _play(work, step, sealed, books, subject, desk, seat, repair)

    inputs = {"commit": subject.commit, "base": subject.base, "agent": seat.sealed.name}
    heard = await hear(work, seat, key, look, inputs=inputs, who="the verifier", grants=work.grants)
    transcript = work.paths.directory / heard.session.transcript.path
    return _Heard(
        session=heard.session, said=answer(seat.agent, transcript), log=readable(seat.agent, transcript)
    )


async def _play(
    work: Work,
    step: StepContext,
    sealed: SealedBacklog,
    books: Books,
    subject: Subject,
    desk: Desk,
    seat: Seat,
    repair: Repair | None,
) -> ReviewSession:
    """One session. Nothing that it does to the checkout, which is read-only, or to its HOME comes back."""
    logs = work.paths.step_logs(step.key, step.attempt)
    logs.mkdir(parents=True, exist_ok=True)
    change = await desk.lay(logs)
    sandbox = await desk.readers.reader(seat.id)
    session = step.key.replace("/", ".").replace("#", "-")
    given = books.given_scratchpad(session, verifier=True)
    prompt = prompt_for(prompt_of(work, subject, seat, change, sandbox, repair), sealed, subject.commit)
    files = {**change.files, NAME: given.encode()}
    part = replace(part_of(work, seat), prompt=prompt, files=files, commit=desk.commit, base=desk.base)
    ready = await make_ready(work, step.key, sandbox, part, logs)
    played = await play(work, step, seat.agent, ready, logs)
    report, left, transcript, stderr = await asyncio.gather(
        sandbox.read_file(f"{sandbox.home}/{REPORT}", DOCUMENT_BYTES + 1),
        sandbox.read_file(f"{sandbox.home}/{NAME}", MOST_BYTES + 1),
        seal(logs / "stdout.log", work.paths.directory),
        seal(logs / "stderr.log", work.paths.directory),
    )
    conclusion, ended = played.conclusion, played.ended
    if conclusion.cause is Cause.ENDED and (remark := books.take_scratchpad(session, left)):
        await step.event("warning", text=remark)
    step.tell("session.ended", cause=conclusion.cause, seconds=ended.seconds, detail=conclusion.detail)
    return ReviewSession(
        cause=conclusion.cause,
        detail=conclusion.detail,
        seconds=ended.seconds,
        transcript=transcript,
        stderr=stderr,
        report=None if report is None else report.decode("utf-8", "backslashreplace"),
        retry_at=conclusion.resets_at,
    )


def _summary(summary: Round, step: str) -> ReviewSummary:
    return ReviewSummary(
        step=step,
        kind=summary.kind,
        round=summary.number,
        commit=summary.commit,
        status="approved" if summary.approved else "changes_requested" if summary.findings else "no_verdict",
        reviewers=tuple(
            ReviewerOutcome(
                reviewer=one.reviewer,
                status=one.status,
                findings=sum(finding.reviewer == one.reviewer for finding in summary.findings),
                reason=one.reason,
            )
            for one in summary.opinions
        ),
    )
