"""Small runs for `ledger_crashes.py` to kill: one ships at once, one is reviewed and rejected first."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ledger_support import model_call

from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import ReviewerOutcome, ReviewReport, ReviewSummary, TaskReport
from fabrik.outcome import Verdict

RUN_ID = "01JAAAAAAAAAAAAAAAAAAAAA1X"
REVIEWERS = tuple(f"reviewer-{number}" for number in range(1, 9))
ASKED = (*REVIEWERS, "verifier")
QUICK = 4  # as many have ended before the others go on


async def ship(home: Path, ledger: Ledger, journal: Journal) -> None:
    await journal.reopen()

    async def implement(context: StepContext) -> str:
        note(home, context)
        await context.event("check.passed", name="unit")
        context.record(TaskReport(task=context.key, step=context.key, status="done", commit="abc"))
        return f"{context.key} is done"

    async def unlucky(context: StepContext) -> str:
        note(home, context)
        if not (home / "luck").exists():
            (home / "luck").touch()
            raise ValueError("no luck")
        return "lucky"

    await journal.step("plan", implement, result=str)
    await asyncio.gather(*(journal.step(f"task/{n}", implement, result=str) for n in (1, 2)))
    call = ledger.calls_started(RUN_ID) + 1
    await journal.call_started(call, "task/1", "anthropic", None)
    await journal.call_finished(model_call(call, step="task/1"))
    await journal.set_progress("2/2 tasks")
    for _ in range(2):
        try:
            await journal.step("unlucky", unlucky, result=str)
            break
        except ValueError:
            continue
    await journal.set_candidate("abc")
    gate = await journal.open_gate(1, "abc", "look")
    if gate.state == "open":
        ledger.decide_gate(RUN_ID, 1, approve=True, by="ann", notes=None)
    await journal.reopen()
    await journal.finish(Verdict.SHIPPED, None)


async def review(home: Path, ledger: Ledger, journal: Journal) -> None:
    """Nine at once, a gate with marks, a rejection with notes, nine at once again, an override."""
    await journal.reopen()
    await one_round(home, journal, 1, "abc")
    await journal.set_candidate("abc")
    gate = await journal.open_gate(1, "abc", "look", marks=["reviewer-1 requests changes"])
    if gate.state == "open":
        ledger.decide_gate(RUN_ID, 1, approve=False, by="ann", notes="too slow")
    if not any(said.decision == "noted" for said in ledger.feedback(RUN_ID)):
        ledger.add_feedback(RUN_ID, decision="noted", by="ben", notes="use the cache")
    await journal.reopen()
    key = "feedback/1/implement#1"
    notes = tuple(said.notes or "" for said in await journal.take_feedback(key))

    async def implement(context: StepContext) -> str:
        note(home, context, *notes)
        return "def"

    commit = await journal.step(key, implement, result=str, inputs={"notes": notes})
    await one_round(home, journal, 2, commit)
    await journal.set_candidate(commit)
    gate = await journal.open_gate(2, commit, "look", marks=["reviewer-1 requests changes"])
    if gate.state == "open":
        ledger.decide_gate(RUN_ID, 2, approve=True, by="ann", notes=None)
    await journal.reopen()
    await journal.finish(Verdict.SHIPPED, None)


async def one_round(home: Path, journal: Journal, number: int, commit: str) -> None:
    """All that are asked work at once; some have ended while the others still work."""
    ended: set[str] = set()
    go_on = asyncio.Event()

    async def ask(reviewer: str) -> str:
        async def session(context: StepContext) -> str:
            note(home, context)
            if reviewer not in ASKED[:QUICK]:
                await go_on.wait()
            status = "changes_requested" if reviewer == "reviewer-1" else "approved"
            context.record(
                ReviewReport(
                    reviewer=reviewer,
                    step=context.key,
                    kind="full",
                    round=number,
                    commit=commit,
                    status="changes_requested" if status == "changes_requested" else "approved",
                    issues=("a.py:1: wrong",) if status == "changes_requested" else (),
                )
            )
            return status

        status = await journal.step(f"review#{number}/{reviewer}", session, result=str)
        ended.add(reviewer)
        if ended.issuperset(ASKED[:QUICK]):
            go_on.set()
        return status

    statuses = await asyncio.gather(*(ask(reviewer) for reviewer in ASKED))

    async def conclude(context: StepContext) -> str:
        note(home, context)
        outcomes = tuple(
            ReviewerOutcome(reviewer=reviewer, status="approved", findings=0)
            if status == "approved"
            else ReviewerOutcome(reviewer=reviewer, status="changes_requested", findings=1)
            for reviewer, status in zip(ASKED, statuses, strict=True)
        )
        context.record(
            ReviewSummary(
                step=context.key,
                kind="full",
                round=number,
                commit=commit,
                status="changes_requested",
                reviewers=outcomes,
            )
        )
        return "changes_requested"

    await journal.step(f"review#{number}", conclude, result=str)


def note(home: Path, context: StepContext, *words: str) -> None:
    """The effect of a step outside the ledger."""
    with (home / "effects").open("a") as file:
        file.write(" ".join((context.key, str(context.attempt), *words)) + "\n")
