"""Reports of reviews: written with the end of their step, each with its event, and read back as they were."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_place import Place, place

from fabrik.ledger.journal import StepContext
from fabrik.ledger.reports import Report
from fabrik.ledger.types import ReviewerOutcome, ReviewReport, ReviewSummary

COMMIT = "c" * 40
WANTS = ReviewReport(
    reviewer="security",
    step="review#1/security",
    kind="full",
    round=1,
    commit=COMMIT,
    status="changes_requested",
    issues=("login.py:3: the pässword is logged", "login.py:9: no limit"),
    next=("log its length",),
)
APPROVES = replace(WANTS, reviewer="simplicity", status="approved", issues=("a.py:1: a remark",), next=())
SILENT = replace(WANTS, reviewer="verifier", status="no_verdict", issues=(), next=(), reason="timed out")
SUMMARY = ReviewSummary(
    step="review#1",
    kind="full",
    round=1,
    commit=COMMIT,
    status="no_verdict",
    reviewers=(
        ReviewerOutcome(reviewer="security", status="changes_requested", findings=2),
        ReviewerOutcome(reviewer="simplicity", status="approved"),
        ReviewerOutcome(reviewer="verifier", status="no_verdict", reason="timed out"),
    ),
)


def recorded(here: Place, key: str, *reports: Report, fails: bool = False) -> None:
    async def fn(context: StepContext) -> str:
        for report in reports:
            context.record(report)
        if fails:
            raise ValueError("as told")
        return "x"

    asyncio.run(here.journal.step(key, fn, result=str))


def test_reviews_come_back_as_they_were_recorded(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        recorded(here, "review#1/security", WANTS)
        recorded(here, "review#1", APPROVES, SILENT, SUMMARY)
        assert here.ledger.review_reports(here.run.id) == [WANTS, APPROVES, SILENT]
        assert here.ledger.review_summaries(here.run.id) == [SUMMARY]
        assert here.ledger.review_reports("another") == []
        assert here.ledger.review_summaries("another") == []


def test_each_review_has_its_event(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        recorded(here, "review#1", WANTS, APPROVES, SILENT, SUMMARY)
        events = [event for event in here.ledger.events(here.run.id) if event.kind.startswith("review.")]
        common = {"kind": "full", "round": 1, "commit": COMMIT}
        assert [dict(event.data) for event in events] == [
            common | {"reviewer": "security", "status": "changes_requested", "findings": 2, "reason": ""},
            common | {"reviewer": "simplicity", "status": "approved", "findings": 0, "reason": ""},
            common | {"reviewer": "verifier", "status": "no_verdict", "findings": 0, "reason": "timed out"},
            common
            | {
                "status": "no_verdict",
                "reviewers": [
                    {"reviewer": "security", "status": "changes_requested", "findings": 2, "reason": ""},
                    {"reviewer": "simplicity", "status": "approved", "findings": 0, "reason": ""},
                    {"reviewer": "verifier", "status": "no_verdict", "findings": 0, "reason": "timed out"},
                ],
            },
        ]
        assert [event.step for event in events] == ["review#1/security"] * 3 + ["review#1"]
        assert here.kinds()[-1] == "step.finished"


def test_a_step_that_fails_leaves_no_review(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        with pytest.raises(ValueError, match="as told"):
            recorded(here, "review#1", WANTS, SUMMARY, fails=True)
        assert here.ledger.review_reports(here.run.id) == []
        assert here.ledger.review_summaries(here.run.id) == []
        assert here.kinds() == ["step.started", "step.failed"]
        recorded(here, "review#1", WANTS, SUMMARY)
        assert here.ledger.review_reports(here.run.id) == [WANTS]


def test_a_status_that_is_no_verdict_cannot_be_stored(tmp_path: Path) -> None:
    """A report that cannot be written takes the end of its step with it: nothing by halves."""
    nonsense = replace(WANTS, status="approved with remarks")  # type: ignore[arg-type]
    with place(tmp_path) as here:
        with pytest.raises(sqlite3.IntegrityError):
            recorded(here, "review#1", APPROVES, nonsense)
        assert here.ledger.review_reports(here.run.id) == []
        assert here.ledger.steps(here.run.id)[0].state == "started"


def test_broken_text_of_a_reviewer_is_stored_readably(tmp_path: Path) -> None:
    half = b"caf\xe9".decode("utf-8", "surrogateescape")
    broken = replace(SILENT, issues=(half, "a\0b", "🙂\n"), reason=half)
    with place(tmp_path) as here:
        recorded(here, "review#1", broken)
        assert here.ledger.review_reports(here.run.id) == [replace(broken, reason="caf\\udce9")]


def test_the_newest_reviews_are_read_when_there_are_many(tmp_path: Path) -> None:
    with place(tmp_path) as here:
        rounds = [replace(WANTS, round=number) for number in range(1, 6)]
        summaries = [replace(SUMMARY, round=number) for number in range(1, 6)]
        recorded(here, "review#1", *rounds, *summaries)
        assert here.ledger.review_reports(here.run.id, limit=2) == rounds[-2:]
        assert here.ledger.review_summaries(here.run.id, limit=2) == summaries[-2:]
