"""The workflow `ship`: from a sealed spec to a branch with the evidence that it does what was asked.

baseline → for each task: implement → checks → light review → fix … → candidate → verification → full review
→ fix … → approval gate → (a rejection goes back to the implementer, with its notes) → ship.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import zip_longest

from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import Gate
from fabrik.outcome import Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows import briefing
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.attempts import implementing
from fabrik.workflows.checks import run_checks
from fabrik.workflows.context import SealedTask
from fabrik.workflows.gate import ask
from fabrik.workflows.playing import ReadySession, make_ready
from fabrik.workflows.proving import Proven, Proving
from fabrik.workflows.registry import Ended
from fabrik.workflows.results import ChecksResult, Shipped
from fabrik.workflows.review.early import EarlyReview
from fabrik.workflows.review.fixing import question_of
from fabrik.workflows.review.full import Reviewing
from fabrik.workflows.review.light import light_review
from fabrik.workflows.review.model import Finding
from fabrik.workflows.shipping import publish
from fabrik.workflows.task import Accepted, Assignment, Upcoming, do_task, first_session, place_of
from fabrik.workflows.work import GaveUp, Work


@dataclass(frozen=True, kw_only=True)
class Done:
    """Where the tasks have led."""

    head: str
    tree: str
    open: tuple[Finding, ...] = ()  # of light reviews, or of the human who rejected it: to be looked at again
    questions: tuple[str, ...] = ()  # what the implementer asks the human, though its work was accepted


async def carry_out(work: Work) -> Ended | None:
    """`ship`, as the worker calls it. Raises Stop with the verdict when it cannot go on."""
    return None if await ship(work) is None else Ended(verdict=Verdict.SHIPPED)


async def ship(work: Work) -> Shipped | None:
    """Take a run as far as it can go; None when it waits at the approval gate.

    Raises Stop with the verdict when it cannot go on.
    """
    baseline = await _baseline(work)
    failing_before = [check.name for check in baseline.failed]
    done = await _do_tasks(work, failing_before)
    reviewing = Reviewing(work=work, proving=Proving(work=work), failing_before=failing_before)
    number = gates = 0
    while True:
        number += 1
        reviewed = await reviewing.review(done.head, done.tree, done.open, done.questions)
        if await _notes_wait(work, number):
            done = await _take_notes(work, number, reviewed.proven, failing_before)
            continue
        gates += 1
        gate = await ask(work, gates, reviewed, failing_before)
        if gate.state == "open":
            return None
        if gate.state == "approved":
            return await publish(work, reviewed.proven.verification)
        done = await _take_back(work, gate, reviewed.proven)


async def _baseline(work: Work) -> ChecksResult:
    """Which checks fail before any work is done: only those can prove that the work was done."""

    async def run(step: StepContext) -> ChecksResult:
        return await run_checks(work, step, work.base, work.context.checks)

    inputs = {"commit": work.base, "checks": [check.run for check in work.context.checks]}
    return await work.journal.step("baseline", run, result=ChecksResult, inputs=inputs)


async def _do_tasks(work: Work, failing_before: Sequence[str]) -> Done:
    head, tree = work.base, await work.repo.tree(work.base)
    done: list[str] = []
    left: list[Finding] = []
    questions: list[str] = []
    total = len(work.context.tasks)
    async with AsyncExitStack() as given_up:
        ahead: Ahead[ReadySession] | None = None
        for task, after in zip_longest(work.context.tasks, work.context.tasks[1:]):
            work.journal.tell_progress(f"{len(done)}/{total} tasks")
            upcoming = _upcoming(work, after, failing_before, (*done, task.do), given_up) if after else None
            assignment = Assignment(
                task=task,
                place=place_of(task),
                prompt=briefing.implement(work, task, pending=failing_before, done=done),
                last=after is None,
            )
            async with EarlyReview(work, task, base=head) as early:
                accepted = await do_task(
                    work,
                    assignment,
                    head=head,
                    tree=tree,
                    failing_before=failing_before,
                    ahead=ahead,
                    upcoming=upcoming,
                    early=early,
                )
                looked = await light_review(
                    work, task, accepted, early, base=head, failing_before=failing_before, last=after is None
                )
            head, tree, ahead = looked.accepted.head, looked.accepted.tree, looked.accepted.ahead
            left += looked.open
            if accepted.question:
                questions.append(question_of(f"task {task.id}", accepted.question))
            questions += looked.questions
            done.append(task.do)
    work.journal.tell_progress(f"{total}/{total} tasks")
    return Done(head=head, tree=tree, open=tuple(left), questions=tuple(questions))


def _upcoming(
    work: Work,
    task: SealedTask,
    failing_before: Collection[str],
    done: tuple[str, ...],
    given_up: AsyncExitStack,
) -> Upcoming:
    """Makes the first session of a task ready, in the sandbox where the one before it has just ended."""

    def make(sandbox: Sandbox) -> Ahead[ReadySession]:
        key = first_session(place_of(task))
        prompt = briefing.implement(work, task, pending=failing_before, done=done)
        logs = work.paths.step_logs(key, 1)
        part = implementing(work, "implement", prompt)
        ahead = Ahead(lambda: make_ready(work, key, sandbox, part, logs))
        given_up.push_async_callback(ahead.discard)
        return ahead

    return make


async def _take_back(work: Work, gate: Gate, proven: Proven) -> Done:
    """A rejection: its notes are the implementer's next task. Changing nothing is no answer to it."""
    notes = gate.notes or "no reason given"
    task = SealedTask(id=f"feedback-{gate.number}", do=notes, verify="")
    assignment = Assignment(
        task=task,
        place=f"feedback/{gate.number}",
        prompt=briefing.take_back(work, gate, proven.head),
        last=True,
        role="fix",
    )
    asked = Finding(id=task.id, reviewer=gate.decided_by or "a human", text=f"a human rejected it: {notes}")
    # No check may prove that there was nothing to do: all of them passed when the human said no.
    accepted = await do_task(work, assignment, head=proven.head, tree=proven.tree, failing_before=())
    return _answered(accepted, asked)


async def _notes_wait(work: Work, number: int) -> bool:
    """Whether a human has said something since the last session, which nobody was told yet."""

    async def look(_: StepContext) -> bool:
        return work.ledger.unused_feedback(work.run) > 0

    return await work.journal.step(f"feedback/asked#{number}", look, result=bool)


async def _take_notes(work: Work, number: int, proven: Proven, failing_before: Collection[str]) -> Done:
    """What a human has noted while no implementer was at work is a task of its own."""
    notes = "what a human has noted"
    task = SealedTask(id=f"feedback-note-{number}", do=notes, verify="")
    assignment = Assignment(
        task=task,
        place=f"feedback/note-{number}",
        prompt=briefing.take_notes(work, proven.head),
        last=True,
        optional=True,
        role="fix",
    )
    asked = Finding(id=task.id, reviewer="a human", text="a human has noted something: see their words")
    try:
        accepted = await do_task(
            work, assignment, head=proven.head, tree=proven.tree, failing_before=failing_before
        )
    except GaveUp as gave_up:
        left = f"{task.id} could not be resolved: {gave_up}"
        return Done(head=proven.head, tree=proven.tree, open=(asked,), questions=(left,))
    return _answered(accepted, asked)


def _answered(accepted: Accepted, asked: Finding) -> Done:
    questions = (question_of(asked.id, accepted.question),) if accepted.question else ()
    return Done(head=accepted.head, tree=accepted.tree, open=(asked,), questions=questions)
