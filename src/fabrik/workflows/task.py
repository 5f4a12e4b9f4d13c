"""One task: implement, check, and back to the agent with the real output, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol

from fabrik.agents.agent import Role
from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import TaskReport
from fabrik.outcome import POLICIES, Cause, Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows import briefing
from fabrik.workflows.ahead import HEAD_START, Ahead
from fabrik.workflows.attempts import session
from fabrik.workflows.briefing import Prompt
from fabrik.workflows.checks import CheckAhead, check_ahead, run_checks
from fabrik.workflows.context import SealedTask
from fabrik.workflows.judge import Judgement, Standing, judge_task
from fabrik.workflows.playing import ReadySession
from fabrik.workflows.results import ChecksResult, SessionResult
from fabrik.workflows.work import GaveUp, Stop, Work

MOST_FILES = 200


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A task that passed what it must pass so far. The proof of the whole is the verification."""

    task: str
    head: str
    tree: str
    pending: tuple[str, ...]
    results: ChecksResult
    question: str  # what the implementer asks the human, though its work was accepted
    ahead: Ahead[ReadySession] | None  # the next task's first session, being made ready


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A task, and how it is handed to the implementer."""

    task: SealedTask
    place: str  # beginning of the keys of its steps, such as `task/1`
    prompt: Prompt  # of its first session
    last: bool  # nothing follows that could still make a failing check pass
    optional: bool = False  # a finding: changing nothing is an answer, and who cannot do it gives up
    role: Role = "implement"  # of its first session


Upcoming = Callable[[Sandbox], Ahead[ReadySession]]


class Early(Protocol):
    """What looks at a task's work next, made ready while its agent works and its checks run."""

    def expect(self) -> None:
        """Begin to make ready what does not depend on the work: the agent is about to start."""
        ...

    async def changed(self, before: str, commit: str) -> tuple[str, ...] | None:
        """The paths that differ between two commits, where it knows them."""
        ...

    def begin(self, commit: str) -> None:
        """Begin to make it ready for this commit."""
        ...

    async def discard(self) -> None:
        """The task is not accepted yet."""
        ...


class Following:
    """The session after this task, made ready when a session of this task has ended."""

    def __init__(self, upcoming: Upcoming | None) -> None:
        self._upcoming = upcoming
        self.ahead: Ahead[ReadySession] | None = None

    def begin(self, sandbox: Sandbox) -> None:
        """Begin to make it ready in this sandbox."""
        if self._upcoming:
            self.ahead = self._upcoming(sandbox)
            self.ahead.begin()

    async def discard(self) -> None:
        """The task is not accepted yet."""
        if self.ahead:
            await self.ahead.discard()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The checks of one round, and what the host makes of them."""

    results: ChecksResult
    judgement: Judgement
    files: tuple[str, ...]  # what the session changed, at most MOST_FILES


def place_of(task: SealedTask) -> str:
    """The beginning of the keys of a task's steps."""
    return f"task/{task.id}"


def first_session(place: str) -> str:
    """The key of the first session at this place."""
    return _session(place, 1)


def _session(place: str, number: int) -> str:
    return f"{place}/implement#{number}"


async def do_task(
    work: Work,
    assignment: Assignment,
    *,
    head: str,
    tree: str,
    failing_before: Collection[str],
    ahead: Ahead[ReadySession] | None = None,
    upcoming: Upcoming | None = None,
    early: Early | None = None,
) -> Accepted:
    """Work on a task, from the commit `head` with that tree, until it is accepted.

    ahead: its first session, perhaps made ready already. upcoming: makes the session after this task ready,
    as soon as a session of this one has ended, for the checks will probably accept it. early: begun for the
    same reason, as soon as there is a commit.

    Raises Stop when it cannot be finished within its bounds; GaveUp where it need not be.
    """
    task, place = assignment.task, assignment.place
    standing = Standing(tree=tree, failures=())
    allowance = work.context.limits.attempts
    prompt = assignment.prompt
    number = 0
    checks = (*task.checks, *work.context.checks)
    while True:
        number += 1
        following = Following(upcoming)
        async with check_ahead(work, f"{place}/checks#{number}", checks) as prepared:

            def meanwhile(prepared: CheckAhead = prepared) -> None:
                prepared.begin()
                if early:
                    early.expect()

            def landed(commit: str, prepared: CheckAhead = prepared) -> None:
                prepared.start(commit)
                if early:
                    early.begin(commit)

            ran = await session(
                work,
                _session(place, number),
                role=assignment.role if number == 1 else "fix",
                head=head,
                tree=standing.tree,
                prompt=prompt,
                message=briefing.commit_message(work, task),
                ahead=ahead if number == 1 else None,
                meanwhile=meanwhile,
                afterwards=following.begin,
                landed=landed,
                optional=assignment.optional,
            )
            before, head = head, ran.head
            judged = await _judge(
                work,
                assignment,
                number,
                before,
                ran,
                failing_before=failing_before,
                changed=ran.tree != tree or assignment.optional,
                prepared=prepared,
                early=early,
            )
        results, judgement = judged.results, judged.judgement
        if judgement.accepted:
            return Accepted(
                task=task.id,
                head=head,
                tree=ran.tree,
                pending=judgement.pending,
                results=results,
                question=ran.question,
                ahead=following.ahead,
            )
        await following.discard()
        if early:
            await early.discard()
        standing = standing.after(ran, judgement.failures)
        reason = _stop_reason(task, ran, judgement, standing, number, allowance)
        if reason is not None:
            if assignment.optional:
                raise GaveUp(reason.reason)
            if not work.grants.take():
                raise reason
            standing = Standing(tree=standing.tree, failures=standing.failures)
            allowance = number + work.context.limits.attempts
        prompt = briefing.fix(work, task, ran, judged.files, results, judgement, attempt=number + 1)


async def _judge(
    work: Work,
    assignment: Assignment,
    number: int,
    before: str,
    ran: SessionResult,
    *,
    failing_before: Collection[str],
    changed: bool,
    prepared: CheckAhead,
    early: Early | None,
) -> Judged:
    """Run the checks at what a session left, and journal what the host found out about the task."""
    task = assignment.task
    checks = (*task.checks, *work.context.checks)

    async def run(step: StepContext) -> Judged:
        results, files = await asyncio.gather(
            run_checks(work, step, ran.head, checks, prepared), _changed(work, before, ran, early)
        )
        judgement = judge_task(
            own=[check.name for check in task.checks],
            results=results,
            failing_before=failing_before,
            last=assignment.last,
            changed=changed,
            ended=ran.cause is Cause.ENDED,
        )
        step.record(_report(task, step, ran, files, results, judgement))
        if judgement.accepted:
            step.tell("task.accepted", task=task.id, commit=ran.head, files=len(files))
        return Judged(results=results, judgement=judgement, files=files)

    inputs = {"commit": ran.head, "checks": [check.run for check in checks]}
    return await work.journal.step(f"{assignment.place}/checks#{number}", run, result=Judged, inputs=inputs)


async def _changed(work: Work, before: str, ran: SessionResult, early: Early | None) -> tuple[str, ...]:
    if not ran.changed:
        return ()
    await asyncio.sleep(HEAD_START)
    paths = await early.changed(before, ran.head) if early else None
    if paths is None:
        paths = tuple(file.path for file in await work.repo.diff_stat(before, ran.head))
    return paths[:MOST_FILES]


def _report(
    task: SealedTask,
    step: StepContext,
    ran: SessionResult,
    files: tuple[str, ...],
    results: ChecksResult,
    judgement: Judgement,
) -> TaskReport:
    return TaskReport(
        task=task.id,
        step=step.key,
        status=_status(ran, judgement),
        commit=ran.head,
        work=(task.do,),
        files=files,
        tests=tuple(f"{check.name}: {'pass' if check.ok else 'fail'}" for check in results.checks),
        issues=(*judgement.failures, *ran.notes),
        next=tuple(f"must still pass: {name}" for name in judgement.pending),
    )


def _status(ran: SessionResult, judgement: Judgement) -> Literal["done", "pending", "blocked", "failed"]:
    if judgement.accepted:
        return "pending" if judgement.pending else "done"
    return "blocked" if ran.says == "blocked" else "failed"


def _stop_reason(
    task: SealedTask,
    ran: SessionResult,
    judgement: Judgement,
    standing: Standing,
    number: int,
    allowance: int,
) -> Stop | None:
    failures = "; ".join(judgement.failures)
    if ran.says == "blocked" and ran.question:
        return Stop(Verdict.BLOCKED, f"task {task.id} needs an answer: {ran.question}", met_again=True)
    if standing.stuck:
        return Stop(
            Verdict.BLOCKED,
            f"task {task.id} makes no progress: two sessions in a row changed nothing ({failures})",
            met_again=True,
        )
    if number >= allowance:
        why = "" if ran.cause is Cause.ENDED else f" ({POLICIES[ran.cause].message})"
        return Stop(
            Verdict.EXHAUSTED,
            f"task {task.id} still fails after {number} sessions: {failures}{why}",
            met_again=True,
        )
    return None
