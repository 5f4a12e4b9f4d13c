"""What reviewers found in a run, and what became of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fabrik.workflows.record import RoundOf, RunRecord
from fabrik.workflows.review.model import Finding, Round

FindingState = Literal["open", "answered", "resolved", "left", "superseded"]


@dataclass(frozen=True, kw_only=True)
class Fate:
    """A finding and how it stands."""

    finding: Finding
    found_in: str  # key of the round that it comes from
    state: FindingState
    """open: nobody has worked on it. answered: worked on; its reviewer has not looked again. resolved: its
    reviewer approved a later commit. left: of the review of a task whose rounds ran out, the full review saw
    the result. superseded: its reviewer looked at a later commit and found something."""
    said: str  # one phrase that says so


def open_findings(round_: Round | None) -> tuple[Finding, ...]:
    """The findings that stand against the commit of a round; remarks of those who approved do not."""
    if round_ is None:
        return ()
    approved = {opinion.reviewer for opinion in round_.opinions if opinion.status == "approved"}
    return tuple(finding for finding in round_.findings if finding.reviewer not in approved)


def fates(record: RunRecord) -> tuple[Fate, ...]:
    """Every finding of the run, in the order in which they were made."""
    return tuple(
        _fate(record, found, finding, record.rounds[at + 1 :])
        for at, found in enumerate(record.rounds)
        for finding in found.round.findings
    )


def _fate(record: RunRecord, found: RoundOf, finding: Finding, later: Sequence[RoundOf]) -> Fate:
    state, said = _state(record, found, finding, later)
    return Fate(finding=finding, found_in=found.key, state=state, said=said)


def _state(
    record: RunRecord, found: RoundOf, finding: Finding, later: Sequence[RoundOf]
) -> tuple[FindingState, str]:
    fixes = [report for report in record.tasks if report.task == finding.id]
    worked = f"worked on in {fixes[-1].step}" if fixes else ""
    looked_again = [one for one in later if one.task == found.task]
    for one in looked_again:
        status = {opinion.reviewer: opinion.status for opinion in one.round.opinions}.get(finding.reviewer)
        if status == "approved":
            return "resolved", f"{finding.reviewer} approved {one.round.commit[:10]} in {one.key}"
    for one in reversed(looked_again):
        status = {opinion.reviewer: opinion.status for opinion in one.round.opinions}.get(finding.reviewer)
        if status == "changes_requested":
            return "superseded", f"{finding.reviewer} looked again in {one.key}"
    if found.task is not None:
        full = [one for one in later if one.task is None]
        if full:
            return "left", f"{worked or 'not worked on'}; the full review {full[0].key} saw the result"
    if worked:
        return "answered", f"{worked}; {finding.reviewer} has not looked again"
    return "open", "nobody has worked on it"
