"""What a review of a branch came to: for people with every finding in full, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fabrik.cli.render.fit import Painted
from fabrik.cli.render.reviews import VERDICTS, criterion_json, finding_json
from fabrik.cli.text import indent, neutralise, one_line
from fabrik.workflows.decision import criteria_of
from fabrik.workflows.fates import fates, open_findings
from fabrik.workflows.record import RunRecord
from fabrik.workflows.results import VerificationResult
from fabrik.workflows.review.model import Round


def result_lines(record: RunRecord) -> Iterator[Painted]:
    """The verdict of each, then the findings."""
    last, verification = _last(record)
    if last is None:
        return
    yield "", "plain"
    for opinion in last.opinions:
        said, tone = VERDICTS[opinion.status]
        why = f"  {one_line(opinion.reason, 120)}" if opinion.reason else ""
        yield f"  {opinion.reviewer:<24}{said}{why}", tone
    for failure in verification.failures if verification else ():
        yield f"  {'a check fails':<24}{one_line(failure, 120)}", "bad"
    for finding in open_findings(last):
        yield "", "plain"
        yield f"  {finding.id}", "warn"
        yield indent(neutralise(finding.text), "    "), "plain"


def result_json(record: RunRecord) -> dict[str, Any]:
    """The review on one line."""
    last, verification = _last(record)
    return {
        "run": record.run.id,
        "branch": record.run.branch,
        "commit": record.run.candidate,
        "base": record.run.base_commit,
        "status": record.run.status,
        "reason": record.run.failure_reason,
        "approved": record.run.status == "done",
        "reviewers": [
            {
                "reviewer": opinion.reviewer,
                "status": opinion.status,
                "issues": list(opinion.issues),
                "next": list(opinion.next),
                "reason": opinion.reason or None,
            }
            for opinion in (last.opinions if last else ())
        ],
        "findings": [finding_json(fate) for fate in fates(record)],
        "criteria": [criterion_json(one) for one in criteria_of(record)],
        "failed_checks": list(verification.failures) if verification else [],
    }


def _last(record: RunRecord) -> tuple[Round | None, VerificationResult | None]:
    commit = record.run.candidate
    return record.full_round(commit), record.verification(commit)
