"""Reads from the ledger alone what was found against the work of a run.

The words: `check NAME`, `held-out NAME`, `flaky NAME`, `tampering KIND`, `reviewer ID` (asks for changes),
`no verdict ID`, `nothing done`, `refused` (git does not take the work), `crashed`, `limit`, `asks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness import World

from fabrik.ledger.codec import decode
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import ReviewReport, Run, Step
from fabrik.workflows.results import VerificationResult

REASONS = {
    "nothing done": r"nothing was (changed|done)",
    "refused": r"git does not take",
    "crashed": r"crashed",
    "asks": r"needs an answer",
}


def found(world: World) -> tuple[str, ...]:
    """Everything that was found, each once, in the order of the steps."""
    with Ledger.open(world.home / "ledger.db") as ledger:
        run = ledger.find_run("last")
        steps, reviews = ledger.steps(run.id), ledger.review_reports(run.id)
    return tuple(dict.fromkeys([*_of_steps(steps), *_of_reviews(reviews), *_of_reason(run)]))


def _of_steps(steps: list[Step]) -> Iterator[str]:
    for step in steps:
        if step.state != "finished":
            continue
        if step.key.startswith("verify#"):
            yield from _of_verification(decode(VerificationResult, step.result))
        elif isinstance(step.result, dict) and "judgement" in step.result:
            yield from _of_checks(step.result)


def _of_checks(judged: Mapping[str, Any]) -> Iterator[str]:
    for check in judged["results"]["checks"]:
        if not check["ok"]:
            yield f"check {check['name']}"


def _of_verification(result: VerificationResult) -> Iterator[str]:
    yield from (f"check {check.name}" for check in result.checks.failed)
    yield from (f"flaky {check.name}" for check in result.flaky)
    yield from (f"held-out {check.name}" for check in result.holdout.failed)
    yield from (f"tampering {tamper.kind}" for tamper in result.tampers if tamper.holds)


def _of_reviews(reports: list[ReviewReport]) -> Iterator[str]:
    for report in reports:
        if report.status == "changes_requested":
            yield f"reviewer {report.reviewer}"
        elif report.status == "no_verdict":
            yield f"no verdict {report.reviewer}"


def _of_reason(run: Run) -> Iterator[str]:
    for word, pattern in REASONS.items():
        if re.search(pattern, run.failure_reason or ""):
            yield word
