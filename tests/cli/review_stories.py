"""Ledgers of runs that were reviewed, written as workers write them: with any number of findings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ledgers import BASE, COMMIT, Books, call

from fabrik.ledger.codec import encode
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.types import ReviewerOutcome, ReviewReport, ReviewSummary, TaskReport
from fabrik.outcome import Cause
from fabrik.tampering.model import Tamper
from fabrik.workflows.context import (
    RunContext,
    SealedAgent,
    SealedCheck,
    SealedFile,
    SealedLimits,
    SealedReview,
    SealedReviewer,
    SealedTask,
)
from fabrik.workflows.results import (
    Candidate,
    CheckResult,
    ChecksResult,
    FileChanged,
    LogFile,
    SessionResult,
    VerificationResult,
)
from fabrik.workflows.review.model import Asked, Criterion, Finding, Opinion, ReviewSession, Round

SECOND = "9e107d9d372bb6826bd81d3542a419d6c0ffee00"  # a later candidate
REVIEWERS = (
    "code-quality",
    "maintainability",
    "security",
    "simplicity",
    "tigerstyle",
    "correctness-guarantees",
    "test-coverage",
    "production-monitoring",
)
GOALS = ("people find a note by any word of it", "the search answers within a second")
ACCEPT = (
    "a note is found by any of its words, whatever their case",
    "an empty query lists all notes",
    "a query without a hit says so on stderr and exits with status 1",
)
LOG = LogFile(path="logs/x/1/stdout.log", size=12, sha256="ab" * 32)


def file(name: str) -> SealedFile:
    return SealedFile(path=f"/projects/notes/{name}", copy=name, sha256="cd" * 32)


def context(*, reviewed: bool = True, **changes: Any) -> dict[str, Any]:
    """A sealed context as the ledger keeps it."""
    agent = SealedAgent(name="claude")
    goals = "\n".join(f"- {goal}" for goal in GOALS)
    review = SealedReview(
        full=tuple(SealedReviewer(id=id, prompt=file(f"{id}.md"), model=None) for id in REVIEWERS),
        light=tuple(SealedReviewer(id=id, prompt=file(f"{id}.md"), model=None) for id in REVIEWERS[:2]),
        agent=agent,
        verifier=agent,
        rounds=2,
        seconds=None,
        extra_prompt=None,
    )
    fields: dict[str, Any] = {
        "v": 1,
        "fabrik": "0",
        "spec": file("specs/0001-search.md"),
        "spec_id": "0001-search",
        "spec_title": "Search in notes",
        "spec_text": f"# Search in notes\n\n## Goals\n\n{goals}\n",
        "accept": ACCEPT,
        "todo": file("specs/0001-search.todo.json"),
        "tasks": tuple(
            SealedTask(id=str(n), do=do, verify="it works")
            for n, do in enumerate(("Index the words of every note", "Add the command `notes search`"), 1)
        ),
        "checks": (SealedCheck(name="tests", run="make test"),),
        "holdout": (),
        "prompts": {},
        "extra_prompt": None,
        "agent": agent,
        "review": review if reviewed else None,
        "protected": (),
        "may_change": (),
        "feedback": (),
        "sandbox": "bubblewrap",
        "read_only": (),
        "path": (),
        "env": {},
        "allow": (),
        "setup": (),
        "limits": SealedLimits(
            session_seconds=None,
            check_seconds=None,
            memory_bytes=None,
            processes=None,
            output_bytes=None,
            disk_bytes=None,
            iterations=0,
            attempts=3,
            max_wait_seconds=3600.0,
            budget_usd=5.0,
            budget_tokens=None,
            budget_calls=None,
        ),
        "upstreams": {},
        "author_name": "Ada",
        "author_email": "ada@example.org",
        "auto_approve": False,
        "push": False,
        "remote": None,
    }
    encoded = encode(RunContext, RunContext(**fields | changes))
    assert isinstance(encoded, dict)
    return encoded


def check(name: str, *, ok: bool = True) -> CheckResult:
    return CheckResult(
        name=name,
        run=f"make {name}",
        ok=ok,
        status=0 if ok else 1,
        signal=None,
        stopped_by=None,
        seconds=1.25,
        log=LOG,
        tail="" if ok else "FAIL: test_search",
    )


def checks(*found: CheckResult, commit: str = COMMIT) -> ChecksResult:
    return ChecksResult(commit=commit, checks=found)


def candidate(commit: str = COMMIT, files: int = 4) -> Candidate:
    changed = tuple(
        FileChanged(path=f"src/notes/search_{n}.py", added=80 + n, removed=n) for n in range(1, files)
    )
    return Candidate(
        commit=commit,
        commits=3,
        files=(*changed, FileChanged(path="docs/search.png", added=None, removed=None)),
        total=files,
        added=sum(one.added or 0 for one in changed),
        removed=sum(one.removed or 0 for one in changed),
    )


def verification(commit: str = COMMIT, **changes: Any) -> VerificationResult:
    fields: dict[str, Any] = {
        "commit": commit,
        "tree": "ee" * 20,
        "checks": checks(check("tests"), check("lint"), commit=commit),
        "protected": checks(check("tests"), check("lint"), commit=commit),
        "restored": ("tests/test_notes.py",),
        "holdout": checks(check("secret words"), commit=commit),
        "tampers": (
            Tamper(
                kind="changed",
                path="tests/test_notes.py",
                line=12,
                what="a test that existed at the base was changed",
                holds=True,
            ),
        ),
    }
    return VerificationResult(**fields | changes)


def criteria(*, met: int = 2) -> tuple[Criterion, ...]:
    evidence = (("test", "tests/test_search.py:14"), ("check", "tests"), ("code", "src/notes/search_1.py:80"))
    return tuple(
        Criterion(
            number=number,
            text=text,
            met=number <= met,
            kind=evidence[number - 1][0] if number <= met else "none",  # type: ignore[arg-type]
            where=evidence[number - 1][1] if number <= met else "",
            why="it runs the search" if number <= met else "no test and no code handles this",
        )
        for number, text in enumerate(ACCEPT, 1)
    )


def full_round(
    findings: int = 3, *, number: int = 1, commit: str = COMMIT, silent: tuple[str, ...] = (), met: int = 2
) -> Round:
    """A round in which security finds things, some give no verdict, and the others approve."""
    found = tuple(
        Finding(
            id=f"review-task-security-{n}",
            reviewer="security",
            text=f"src/notes/search_1.py:{n}: the query number {n} goes into a shell command as it is",
        )
        for n in range(1, findings + 1)
    )
    opinions = []
    for name in (*REVIEWERS, "verifier", "tampering"):
        if name in silent:
            reason = "the agent's process crashed 4 times in a row: signal 11"
            opinions.append(Opinion(reviewer=name, status="no_verdict", reason=reason))
        elif name == "security" and findings:
            issues = tuple(finding.text for finding in found)
            opinions.append(Opinion(reviewer=name, status="changes_requested", issues=issues))
        else:
            opinions.append(Opinion(reviewer=name, status="approved"))
    asked = Asked(path="tests/test_notes.py", asked=True, quote="the tests of notes are to be extended")
    return Round(
        kind="full",
        number=number,
        commit=commit,
        opinions=tuple(opinions),
        findings=found,
        criteria=criteria(met=met),
        asked=(asked,),
    )


def marks_of(round_: Round) -> tuple[str, ...]:
    """As the workflow makes them."""
    found = (f"{one.id}: {one.text}" for one in round_.findings)
    silent = (f"{one.reviewer} gave no verdict: {one.reason}" for one in round_.silent)
    return (*found, *silent)


def review_session(report: str | None = "{}") -> ReviewSession:
    return ReviewSession(
        cause=Cause.ENDED,
        detail="",
        seconds=33.0,
        transcript=LOG,
        stderr=LOG,
        report=report,
        retry_at=None,
    )


def work_session(commit: str) -> SessionResult:
    return SessionResult(
        cause=Cause.ENDED,
        detail="",
        seconds=12.4,
        head=commit,
        tree="ee" * 20,
        changed=True,
        leftover=False,
        rewritten=False,
        transcript=LOG,
        stderr=LOG,
        session_id=None,
        says="done",
        question="",
        notes=(),
        retry_at=None,
        saved_as=None,
    )


@dataclass
class Teller:
    """Writes the steps of a run one by one."""

    journal: Journal
    calls: int = field(default=0)

    async def baseline(self) -> None:
        await self._step("baseline", checks(check("tests", ok=False), check("lint")), ChecksResult)

    async def session(self, key: str, commit: str = COMMIT) -> None:
        async def play(step: StepContext) -> SessionResult:
            await step.event("session.started", agent="claude", role="implement", attempt=1)
            self.calls += 1
            await self.journal.call_started(self.calls, step.key, "anthropic", "claude-sonnet-4-5")
            await self.journal.call_finished(call(self.calls, step.key))
            await step.event("session.ended", cause="ended", seconds=12.4, detail="")
            return work_session(commit)

        await self.journal.step(key, play, result=SessionResult)

    async def task_checks(self, task: str, commit: str = COMMIT) -> None:
        async def run(step: StepContext) -> ChecksResult:
            report = TaskReport(task=task, step=step.key, status="done", commit=commit, work=("Do it",))
            step.record(report)
            return checks(check("tests"), commit=commit)

        await self.journal.step(f"task/{task}/checks#1", run, result=ChecksResult)

    async def candidate(self, number: int, found: Candidate) -> None:
        await self._step(f"candidate#{number}", found, Candidate)
        await self.journal.set_candidate(found.commit)

    async def verify(self, number: int, found: VerificationResult) -> None:
        await self._step(f"verify#{number}", found, VerificationResult)

    async def reviewer(self, key: str, opinion: Opinion, round_: Round) -> None:
        async def look(step: StepContext) -> ReviewSession:
            await step.event("session.started", agent="claude", role="review", attempt=1)
            await step.event("session.said", text=f"{opinion.reviewer} talks")
            if opinion.status != "no_verdict":
                step.record(self._row(opinion, round_, step.key))
            await step.event("session.ended", cause="ended", seconds=33.0, detail="")
            return review_session()

        inputs = {"commit": round_.commit, "reviewer": opinion.reviewer}
        await self.journal.step(key, look, result=ReviewSession, inputs=inputs)

    async def review(self, key: str, round_: Round) -> None:
        for opinion in round_.opinions:
            if opinion.reviewer != "tampering":
                await self.reviewer(f"{key}/{opinion.reviewer}", opinion, round_)

        async def sum_up(step: StepContext) -> Round:
            for opinion in round_.opinions:
                if opinion.status == "no_verdict" or opinion.reviewer == "tampering":
                    step.record(self._row(opinion, round_, step.key))
            outcomes = [
                ReviewerOutcome(reviewer=o.reviewer, status=o.status, findings=len(o.issues), reason=o.reason)
                for o in round_.opinions
            ]
            step.record(
                ReviewSummary(
                    step=step.key,
                    kind=round_.kind,
                    round=round_.number,
                    commit=round_.commit,
                    status="approved" if round_.approved else "changes_requested",
                    reviewers=tuple(outcomes),
                )
            )
            return round_

        await self.journal.step(key, sum_up, result=Round)

    def _row(self, opinion: Opinion, round_: Round, step: str) -> ReviewReport:
        return ReviewReport(
            reviewer=opinion.reviewer,
            step=step,
            kind=round_.kind,
            round=round_.number,
            commit=round_.commit,
            status=opinion.status,
            issues=opinion.issues,
            next=opinion.next,
            reason=opinion.reason,
        )

    async def _step(self, key: str, found: Any, kind: type[Any]) -> None:
        async def give(step: StepContext) -> Any:
            return found

        await self.journal.step(key, give, result=kind)


def at_the_gate(
    books: Books,
    findings: int = 3,
    *,
    reviewed: bool = True,
    silent: tuple[str, ...] = (),
    files: int = 4,
    **changes: Any,
) -> str:
    """A run that waits at its gate with so many open findings; its id."""
    run_id = books.dispatch(context=context(reviewed=reviewed), base_commit=BASE, **changes)
    round_ = full_round(findings, silent=silent)

    async def story(journal: Journal) -> None:
        tell = Teller(journal)
        await tell.baseline()
        await tell.session("task/1/implement#1")
        await tell.task_checks("1")
        await tell.candidate(1, candidate(files=files))
        await tell.verify(1, verification())
        if reviewed:
            await tell.review("review#1", round_)
        marks = marks_of(round_) if reviewed else ()
        await journal.open_gate(1, COMMIT, "2 checks and 1 held-out passed in a fresh clone", marks=marks)

    books.write(run_id, story)
    return run_id
