"""Reviews, findings and criteria of a run: as tables for people, as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from fabrik.cli.render.fit import Painted, cut, pad
from fabrik.cli.render.gate_screen import CRITERION_MARKS
from fabrik.cli.render.words import plural
from fabrik.cli.screen import Tone
from fabrik.ledger.types import ReviewReport
from fabrik.workflows.decision import Evidenced
from fabrik.workflows.fates import Fate

VERDICTS: dict[str, tuple[str, Tone]] = {
    "approved": ("✓ approved", "good"),
    "changes_requested": ("✗ wants changes", "warn"),
    "no_verdict": ("! no verdict", "bad"),
}
FATE_TONES: dict[str, Tone] = {"open": "warn", "answered": "plain", "resolved": "good"}


def review_lines(reports: Sequence[ReviewReport], width: int) -> Iterator[Painted]:
    """The reviewers round by round."""
    if not reports:
        return
    yield "", "plain"
    yield "Reviews", "strong"

    def round_of(report: ReviewReport) -> tuple[str, str, int, str]:
        # A reviewer's step lies below the round's own: task/1/review#1/security, review#1/security.
        task = report.step.partition("/review#")[0] if report.kind == "light" else ""
        return report.kind, task, report.round, report.commit

    for (kind, task, number, commit), found in groupby(reports, round_of):
        of = f"light, {task}" if kind == "light" else "full"
        yield cut(f"  round {number} ({of}) of {commit[:10]}", width), "plain"
        for report in found:
            yield _report(report, width)


def _report(report: ReviewReport, width: int) -> Painted:
    said, tone = VERDICTS[report.status]
    findings = plural(len(report.issues), "finding" if report.status == "changes_requested" else "remark")
    detail = report.reason or (findings if report.issues else "")
    return cut(f"    {pad(report.reviewer, 22)}  {said:<16}  {detail}".rstrip(), width), tone


def finding_lines(fates: Sequence[Fate], width: int) -> Iterator[Painted]:
    """The findings and what became of them: those that are open first."""
    if not fates:
        return
    yield "", "plain"
    open_ = sum(1 for fate in fates if fate.state in ("open", "answered"))
    yield f"Findings  {open_} of {len(fates)} not resolved" if open_ else f"Findings  {len(fates)}", "strong"
    for fate in sorted(fates, key=lambda fate: fate.state not in ("open", "answered")):
        tone = FATE_TONES.get(fate.state, "dim")
        yield cut(f"  {fate.state:<11}{fate.finding.id}", width), tone
        yield cut(f"             {fate.finding.text}", width), "plain"
        yield cut(f"             {fate.said}", width), "dim"


def criterion_lines(criteria: Sequence[Evidenced], width: int) -> Iterator[Painted]:
    """The acceptance criteria with their evidence."""
    if not criteria:
        return
    yield "", "plain"
    yield "Criteria", "strong"
    for one in criteria:
        mark, tone = CRITERION_MARKS[one.met]
        yield cut(f"  {mark} {one.number}. {one.text}", width), tone
        if one.met is not None:
            where = f"{one.kind} {one.where}" if one.kind != "none" else "no evidence"
            yield cut(f"       {where}: {one.why}" if one.why else f"       {where}", width), "dim"


def finding_json(fate: Fate) -> dict[str, Any]:
    """A finding and what became of it."""
    return {
        "id": fate.finding.id,
        "reviewer": fate.finding.reviewer,
        "text": fate.finding.text,
        "found_in": fate.found_in,
        "state": fate.state,
        "said": fate.said,
    }


def criterion_json(one: Evidenced) -> dict[str, Any]:
    """An acceptance criterion with its evidence."""
    return {
        "n": one.number,
        "text": one.text,
        "met": one.met,
        "kind": one.kind,
        "where": one.where or None,
        "why": one.why or None,
    }
