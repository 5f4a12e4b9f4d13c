"""A reviewer's report, validated. What is not certainly an answer of this reviewer about this commit is none.

The format, version 1: {"v": 1, "reviewer": its id, "commit": the id of the commit reviewed, "status":
"approved" or "changes_requested", "issues": [texts], "next": [texts]}. Other keys are not looked at.
"""

from __future__ import annotations

from fabrik.workflows.review.document import read_document
from fabrik.workflows.review.model import Reported

STATUSES = ("approved", "changes_requested")


def read_review(data: bytes | None, *, reviewer: str, commit: str) -> Reported | str:
    """The report, or everything that is wrong with it in one line, for its author's repair and for humans.

    data: None when nothing was left. Never raises. Of long texts and lists the beginning is kept; that more
    was there is told at the end of the text, and at the end of `next`.
    """
    document = read_document(data)
    if isinstance(document, str):
        return document
    document.head(reviewer=reviewer, commit=commit)
    status = document.values.get("status")
    issues, fewer_issues = document.texts("issues")
    advice, fewer_advice = document.texts("next")
    if status not in STATUSES:
        document.unknown("status", STATUSES)
    elif status == "changes_requested" and not issues:
        document.problems.append("changes are requested, but issues names nothing that is to be changed")
    if problems := document.told():
        return problems
    told = (note for note in (fewer_issues, fewer_advice) if note)
    return Reported(approved=status == "approved", issues=issues, next=(*advice, *told))
