"""Findings go back to the implementer: each is a task of its own, with the checks after it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fabrik.workflows.briefing import fix_finding
from fabrik.workflows.context import SealedTask
from fabrik.workflows.results import ChecksResult
from fabrik.workflows.review.model import Finding
from fabrik.workflows.task import Assignment, do_task, place_of
from fabrik.workflows.work import GaveUp, Work


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """What became of a round's findings."""

    head: str
    tree: str
    results: ChecksResult | None = None  # of the checks at `head`; None: nothing was accepted
    left: Mapping[str, str] = field(default_factory=dict)  # finding → why it stays as it is
    questions: tuple[str, ...] = ()  # what the implementer asks the human


def question_of(task: str, question: str) -> str:
    """A question to the human from a session whose work was accepted all the same."""
    return f"{task}: the implementer asks: {question}"


async def fix_all(
    work: Work,
    findings: Sequence[Finding],
    *,
    head: str,
    tree: str,
    failing_before: Collection[str],
    last: bool,
) -> Fixed:
    """Have each finding fixed, one after the other, on top of `head`. One that cannot be is left open.

    last: no task follows, so every check must pass. Raises Stop when the run cannot go on.
    """
    left: dict[str, str] = {}
    questions: list[str] = []
    results = None
    for finding in findings:
        task = SealedTask(id=finding.id, do=finding.text, verify="")
        others = [other for other in findings if other is not finding]
        assignment = Assignment(
            task=task,
            place=place_of(task),
            prompt=fix_finding(work, finding, others, head),
            last=last,
            optional=True,
            role="fix",
        )
        try:
            accepted = await do_task(work, assignment, head=head, tree=tree, failing_before=failing_before)
        except GaveUp as gave_up:
            left[finding.id] = f"{finding.id} could not be resolved: {gave_up}"
            continue
        if accepted.question:
            questions.append(question_of(finding.id, accepted.question))
        head, tree, results = accepted.head, accepted.tree, accepted.results
    return Fixed(head=head, tree=tree, results=results, left=left, questions=tuple(questions))
