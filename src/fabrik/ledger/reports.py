"""The tables of reports: written by the transaction that ends their step, each with its event."""

from __future__ import annotations

import time
from dataclasses import asdict
from sqlite3 import Connection as Db

from fabrik.ledger.changes import add_event_of
from fabrik.ledger.connection import run_query, to_json
from fabrik.ledger.types import ReviewReport, ReviewSummary, TaskReport

MOST_ISSUES = 5  # of a task that its event tells
MOST_SAID = 300  # characters of each

Report = TaskReport | ReviewReport | ReviewSummary


def add(db: Db, run_id: str, report: Report) -> None:
    """Write a report and its event. Raises sqlite3.IntegrityError when it says what no report can say."""
    match report:
        case TaskReport():
            _task(db, run_id, report)
        case ReviewReport():
            _review(db, run_id, report)
        case ReviewSummary():
            _summary(db, run_id, report)


def _task(db: Db, run_id: str, report: TaskReport) -> None:
    at = time.time()
    run_query(
        db,
        "task_report_insert",
        run=run_id,
        step=report.step,
        task=report.task,
        status=report.status,
        commit=report.commit,
        work=to_json(report.work),
        files=to_json(report.files),
        tests=to_json(report.tests),
        issues=to_json(report.issues),
        next=to_json(report.next),
        at=at,
    )
    why = [issue[:MOST_SAID] for issue in report.issues[:MOST_ISSUES]]
    said = {"task": report.task, "status": report.status, "commit": report.commit, "issues": why}
    add_event_of(db, run_id, at, "task.report", report.step, said)


def _review(db: Db, run_id: str, report: ReviewReport) -> None:
    at = time.time()
    said = {
        "reviewer": report.reviewer,
        "kind": report.kind,
        "round": report.round,
        "commit": report.commit,
        "status": report.status,
        "reason": report.reason,
    }
    run_query(
        db,
        "review_report_insert",
        run=run_id,
        step=report.step,
        issues=to_json(report.issues),
        next=to_json(report.next),
        at=at,
        **said,
    )
    # What an approval remarks upon is no finding: nobody is sent to change it.
    findings = len(report.issues) if report.status == "changes_requested" else 0
    add_event_of(db, run_id, at, "review.report", report.step, {**said, "findings": findings})


def _summary(db: Db, run_id: str, summary: ReviewSummary) -> None:
    at = time.time()
    reviewers = [asdict(outcome) for outcome in summary.reviewers]
    said = {
        "kind": summary.kind,
        "round": summary.round,
        "commit": summary.commit,
        "status": summary.status,
    }
    run_query(
        db,
        "review_summary_insert",
        run=run_id,
        step=summary.step,
        reviewers=to_json(reviewers),
        at=at,
        **said,
    )
    add_event_of(db, run_id, at, "review.summary", summary.step, {**said, "reviewers": reviewers})
