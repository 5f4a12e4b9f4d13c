"""Rows of the ledger as the values of types.py."""

from __future__ import annotations

import json
from pathlib import Path
from sqlite3 import Row
from typing import TYPE_CHECKING, Any

from fabrik.ledger.lockfile import is_held
from fabrik.ledger.run import Run
from fabrik.usage import ModelCall, Usage

if TYPE_CHECKING:  # loaded by those functions that make them: listing runs must start fast
    from fabrik.ledger.records import Event, Feedback, Gate, ReviewReport, ReviewSummary, Step, TaskReport


def run(row: Row) -> Run:
    """From query run_list. Only a run that is said to be running is asked whether it lives."""
    fields: dict[str, Any] = {key: row[key] for key in row.keys() if key not in _USAGE}  # noqa: SIM118
    fields["context"] = json.loads(fields["context"])
    fields["unchecked"] = bool(fields["unchecked"])
    fields["cancel_requested"] = bool(fields["cancel_requested"])
    fields["alive"] = fields["status"] == "running" and is_held(lock_of(fields["directory"]))
    return Run(**fields, usage=usage(row))


def lock_of(directory: str) -> Path:
    """The lock file of the run that has this directory."""
    return Path(directory, "lock")


_USAGE = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "calls",
)


def usage(row: Row) -> Usage:
    return Usage(**{name: row[name] for name in _USAGE})


def event(row: Row) -> Event:
    from fabrik.ledger.records import Event

    return Event(
        seq=row["seq"],
        run=row["run_id"],
        at=row["at"],
        kind=row["kind"],
        step=row["step"],
        data=json.loads(row["data"]),
    )


def step(row: Row) -> Step:
    from fabrik.ledger.records import Step

    return Step(
        key=row["key"],
        state=row["state"],
        attempt=row["attempt"],
        inputs=json.loads(row["inputs"]),
        result=None if row["result"] is None else json.loads(row["result"]),
        error=row["error"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def task_report(row: Row) -> TaskReport:
    from fabrik.ledger.records import TaskReport

    return TaskReport(
        task=row["task"],
        step=row["step"],
        status=row["status"],
        commit=row["commit_sha"],
        work=tuple(json.loads(row["work"])),
        files=tuple(json.loads(row["files"])),
        tests=tuple(json.loads(row["tests"])),
        issues=tuple(json.loads(row["issues"])),
        next=tuple(json.loads(row["next"])),
    )


def review_report(row: Row) -> ReviewReport:
    from fabrik.ledger.records import ReviewReport

    return ReviewReport(
        reviewer=row["reviewer"],
        step=row["step"],
        kind=row["kind"],
        round=row["round"],
        commit=row["commit_sha"],
        status=row["status"],
        issues=tuple(json.loads(row["issues"])),
        next=tuple(json.loads(row["next"])),
        reason=row["reason"],
    )


def review_summary(row: Row) -> ReviewSummary:
    from fabrik.ledger.records import ReviewerOutcome, ReviewSummary

    return ReviewSummary(
        step=row["step"],
        kind=row["kind"],
        round=row["round"],
        commit=row["commit_sha"],
        status=row["status"],
        reviewers=tuple(ReviewerOutcome(**outcome) for outcome in json.loads(row["reviewers"])),
    )


def gate(row: Row) -> Gate:
    from fabrik.ledger.records import Gate

    fields: dict[str, Any] = {key: row[key] for key in row.keys()}  # noqa: SIM118
    fields["marks"] = tuple(json.loads(fields["marks"]))
    fields["overriding"] = bool(fields["overriding"])
    return Gate(**fields)


def feedback(row: Row) -> Feedback:
    from fabrik.ledger.records import Feedback

    return Feedback(
        id=row["id"],
        run=row["run_id"],
        spec_path=row["spec_path"],
        gate=row["gate"],
        decision=row["decision"],
        decided_by=row["decided_by"],
        notes=row["notes"],
        created_at=row["created_at"],
        overriding=bool(row["overriding"]),
        used_by=row["used_by"],
    )


def model_call(row: Row) -> ModelCall:
    """A call whose end was never seen reads as cut, with all of its usage unknown."""
    return ModelCall(
        id=row["id"],
        step=row["step"],
        protocol=row["protocol"],
        model=row["model"],
        status=row["status"],
        usage=usage(row),
        price_table=row["price_table"],
        attempts=row["attempts"],
        seconds=row["seconds"],
        outcome=row["outcome"] or "cut",
        retry_at=row["retry_at"],
    )
