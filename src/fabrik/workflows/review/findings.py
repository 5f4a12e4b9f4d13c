"""What of a round's opinions is to be changed, each with a number of its own. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fabrik.tampering.model import Tamper
from fabrik.workflows.context import TAMPERING
from fabrik.workflows.review.model import Asked, Finding, Opinion
from fabrik.workflows.review.text import readable

MOST_FINDINGS = 8  # of one reviewer in one round; what is more goes with the last one


def tampering(tampers: Sequence[Tamper], asked: Collection[Asked]) -> Opinion:
    """The host's opinion: what was done to the files that judge the work, unless the spec asks for it."""
    excused = {said.path for said in asked if said.asked}
    held: dict[str, list[str]] = {}
    told: list[str] = []
    for tamper in tampers:
        path = readable(tamper.path)
        place = f"{path}:{tamper.line}" if tamper.line else path
        if tamper.holds and tamper.path not in excused:
            held.setdefault(tamper.path, []).append(f"{place}: {tamper.what}")
        else:
            told.append(f"{place}: {tamper.what}")
    return Opinion(
        reviewer=TAMPERING,
        status="changes_requested" if held else "approved",
        issues=tuple("; ".join(texts) for texts in held.values()),
        next=tuple(told),
    )


def number(
    opinions: Sequence[Opinion], so_far: Mapping[str, int], known: Sequence[Finding] = ()
) -> tuple[Finding, ...]:
    """The findings of a round.

    so_far: how many each reviewer had in the rounds before. known: those of the round before where it was
    about the same commit: what is said again, or still counts, keeps its number.
    """
    ids = {(finding.reviewer, finding.text): finding for finding in known}
    found: list[Finding] = []
    for opinion in opinions:
        if opinion.status != "changes_requested":
            continue
        count = so_far.get(opinion.reviewer, 0)
        for text in _bounded(opinion.issues):
            same = ids.get((opinion.reviewer, text))
            if same is None:
                count += 1
                name = f"review-task-{opinion.reviewer}-{count}"
                same = Finding(id=name, reviewer=opinion.reviewer, text=text)
            found.append(same)
    return tuple(found)


def _bounded(issues: Sequence[str]) -> Sequence[str]:
    if len(issues) <= MOST_FINDINGS:
        return issues
    rest = issues[MOST_FINDINGS - 1 :]
    return (*issues[: MOST_FINDINGS - 1], "\n".join(f"- {issue}" for issue in rest))
