"""The workflow `review`: what reviewers, checks and the host say of a branch that fabrik did not make.

the branch's commits → checks at the base → the candidate → verification three ways → one full review; those
who gave no verdict are asked again, bounded. Nothing is fixed and nothing is shipped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from fabrik.errors import VcsError
from fabrik.ledger.codec import decode
from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.workflows.checks import run_checks
from fabrik.workflows.proving import put_forward
from fabrik.workflows.registry import Ended
from fabrik.workflows.results import ChecksResult, VerificationResult
from fabrik.workflows.review.model import Round
from fabrik.workflows.review.order import BUNDLE, ReviewOrder
from fabrik.workflows.review.round import hold
from fabrik.workflows.review.subject import Seat, Subject, full_seats
from fabrik.workflows.verify import verify
from fabrik.workflows.work import Stop, Work


async def carry_out(work: Work) -> Ended:
    """Review the branch. Raises Stop when somebody gave no verdict though asked again."""
    order = decode(ReviewOrder, work.context.order)
    await _bring_in(work, order)
    before = await _baseline(work)
    await put_forward(work, 1, order.tip)
    verification = await verify(work, 1, order.tip)
    found = await _review(work, verification, before)
    if found.findings or not verification.ok:
        against = _against(verification, found, before)
        return Ended(verdict=Verdict.REJECTED, reason=f"changes are requested: {against}")
    return Ended(verdict=Verdict.DONE, reason=_approved(work, verification, found))


async def _bring_in(work: Work, order: ReviewOrder) -> None:
    """Take the branch's commits over from their bundle: every object is checked, nobody vouches for it."""

    async def bring(_: StepContext) -> str:
        brought = await work.repo.bring_in(work.paths.inputs / BUNDLE, "subject")
        if order.tip not in brought.refs.values():
            raise VcsError("the bundle of the branch does not hold its commit", where=order.tip[:12])
        return order.tip

    await work.journal.step("subject", bring, result=str, inputs={"commit": order.tip})


async def _baseline(work: Work) -> Collection[str]:
    """The names of the checks that failed before the change: that they fail is not its doing alone."""
    if not work.context.all_checks:
        return ()

    async def run(step: StepContext) -> ChecksResult:
        return await run_checks(work, step, work.base, work.context.all_checks)

    inputs = {"commit": work.base, "checks": [check.run for check in work.context.all_checks]}
    found = await work.journal.step("baseline", run, result=ChecksResult, inputs=inputs)
    return [check.name for check in found.failed]


async def _review(work: Work, verification: VerificationResult, before: Collection[str]) -> Round:
    """One full review. The same commit gets no second throw of the dice; who was silent is asked again."""
    review = work.context.review
    again = allowed = review.rounds if review else 0
    number, last = 0, None
    while True:
        number += 1
        last = await hold(work, _subject(work, verification, number), _seats(work), last)
        if not last.silent:
            return last
        if again > 0:
            again -= 1
        elif work.grants.take():
            again = allowed
        else:
            raise Stop(Verdict.BLOCKED, _no_verdict(verification, last, before), met_again=True)


def _seats(work: Work) -> tuple[Seat, ...]:
    """The verifier looks for the evidence of acceptance criteria: without any it has nothing to say."""
    return tuple(seat for seat in full_seats(work) if seat.reviewer is not None or work.context.accept)


def _subject(work: Work, verification: VerificationResult, number: int) -> Subject:
    ways = [("in a fresh clone, as they stand", verification.checks.checks)]
    if verification.restored or verification.alone:
        ways.append(("with the protected files of the base", verification.protected.checks))
    passed = verification.holdout.checks if verification.holdout.ok else ()
    return Subject(
        kind="full",
        number=number,
        key=f"review#{number}",
        commit=verification.commit,
        base=work.base,
        task=None,
        checks=ways,
        held_out=len(passed),
        tampers=verification.tampers,
    )


def _no_verdict(verification: VerificationResult, found: Round, before: Collection[str]) -> str:
    silent = "; ".join(f"{one.reviewer} ({one.reason})" for one in found.silent)
    against = _against(verification, found, before)
    return f"no verdict of {silent}" + (f"; and changes are requested: {against}" if against else "")


def _against(verification: VerificationResult, found: Round, before: Collection[str]) -> str:
    return "; ".join(_objections(verification, found, before))


def _objections(verification: VerificationResult, found: Round, before: Collection[str]) -> Iterator[str]:
    if verification.failures:
        old = [check.name for check in verification.checks.failed if check.name in before]
        too = f"; at the base, too: {', '.join(old)}" if old else ""
        yield f"checks fail ({', '.join(verification.failures)}{too})"
    for opinion in found.opinions:
        number = sum(finding.reviewer == opinion.reviewer for finding in found.findings)
        if number:
            yield f"{opinion.reviewer}: {number} finding{'s' * (number != 1)}"


def _approved(work: Work, verification: VerificationResult, found: Round) -> str:
    # All that are listed, fabrik's own look for tampering too: the round is told with the same number.
    asked = found.opinions
    everybody = f"{len(asked)} reviewers" if len(asked) != 1 else asked[0].reviewer
    checks = (*verification.checks.checks, *verification.holdout.checks)
    proof = f"{len(checks)} check{'s' * (len(checks) != 1)} passed" if checks else "no checks were run"
    return f"{order_line(decode(ReviewOrder, work.context.order))} is approved by {everybody}; {proof}"


def order_line(order: ReviewOrder) -> str:
    """The branch and the exact commit of it that the verdict is about."""
    return f"{order.branch} at {order.tip[:12]}"
