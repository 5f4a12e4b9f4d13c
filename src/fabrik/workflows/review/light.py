"""The light review of one task, right after it: what is found early is cheap to mend.

It never stops a run: what is open after its rounds is left to the full review.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from fabrik.workflows.context import SealedTask
from fabrik.workflows.review.early import EarlyReview, round_key
from fabrik.workflows.review.fixing import fix_all
from fabrik.workflows.review.model import Finding, Round
from fabrik.workflows.review.round import hold
from fabrik.workflows.review.subject import Subject, light_seats
from fabrik.workflows.task import Accepted
from fabrik.workflows.work import Work


@dataclass(frozen=True, kw_only=True)
class Looked:
    """A task after its light review."""

    accepted: Accepted
    open: tuple[Finding, ...] = ()
    questions: tuple[str, ...] = ()  # what the implementer asks the human


async def light_review(
    work: Work,
    task: SealedTask,
    accepted: Accepted,
    early: EarlyReview,
    *,
    base: str,
    failing_before: Collection[str],
    last: bool,
) -> Looked:
    """Review what a task changed since `base`, and have the findings fixed, within the rounds of the run.

    early: its first round, perhaps made ready already.
    """
    review = work.context.review
    seats = light_seats(work)
    if review is None or not seats or accepted.head == base:
        return Looked(accepted=accepted)
    found: Round | None = None
    questions: tuple[str, ...] = ()
    number = 0
    while True:
        number += 1
        subject = Subject(
            kind="light",
            number=number,
            key=round_key(task, number),
            commit=accepted.head,
            base=base,
            task=task,
            checks=[("at this commit", accepted.results.checks)],
            earlier=found.findings if found else (),
        )
        found = await hold(work, subject, seats, found, await early.take(subject.commit))
        if found.approved or number > review.rounds or not found.findings:
            return Looked(accepted=accepted, open=found.findings, questions=questions)
        if accepted.ahead:  # made ready for the next task, which is not next any more
            await accepted.ahead.discard()
        before = accepted.head
        fixed = await fix_all(
            work,
            found.findings,
            head=accepted.head,
            tree=accepted.tree,
            failing_before=failing_before,
            last=last,
        )
        questions += fixed.questions
        results = fixed.results or accepted.results
        accepted = replace(accepted, head=fixed.head, tree=fixed.tree, results=results, ahead=None)
        if accepted.head == before:
            return Looked(accepted=accepted, open=found.findings, questions=questions)
