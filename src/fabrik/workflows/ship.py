"""The workflow `ship`: from a sealed spec to a branch with the evidence that it does what was asked.

baseline → for each task: implement → checks → fix … → candidate → verification → approval gate → ship.
Reviews (after each task, and of the candidate) have their place between `do_task` and the candidate, and
between verification and the gate.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AsyncExitStack
from itertools import zip_longest

from fabrik.ledger.journal import StepContext
from fabrik.outcome import Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows import briefing
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.attempts import session
from fabrik.workflows.checks import run_checks
from fabrik.workflows.context import SealedTask
from fabrik.workflows.gate import ask
from fabrik.workflows.judge import Standing
from fabrik.workflows.results import ChecksResult, Shipped, VerificationResult
from fabrik.workflows.session import ReadySession, make_ready
from fabrik.workflows.shipping import publish
from fabrik.workflows.task import Upcoming, do_task, first_session
from fabrik.workflows.verify import verify
from fabrik.workflows.work import Stop, Work


async def ship(work: Work) -> Shipped | None:
    """Take a run as far as it can go; None when it waits at the approval gate.

    Raises Stop with the verdict when it cannot go on.
    """
    baseline = await _baseline(work)
    failing_before = [check.name for check in baseline.failed]
    head, tree = work.base, await work.repo.tree(work.base)
    done: list[str] = []
    total = len(work.context.tasks)
    async with AsyncExitStack() as given_up:
        ahead: Ahead[ReadySession] | None = None
        for task, after in zip_longest(work.context.tasks, work.context.tasks[1:]):
            work.journal.tell_progress(f"{len(done)}/{total} tasks")
            upcoming = _upcoming(work, after, failing_before, (*done, task.do), given_up) if after else None
            accepted = await do_task(
                work,
                task,
                head=head,
                tree=tree,
                failing_before=failing_before,
                done=tuple(done),
                ahead=ahead,
                upcoming=upcoming,
            )
            head, tree, ahead = accepted.head, accepted.tree, accepted.ahead
            done.append(task.do)
    work.journal.tell_progress(f"{total}/{total} tasks")
    number, verification = await _prove(work, head, tree)
    if not await ask(work, number, verification, failing_before):
        return None
    return await publish(work, verification)


def _upcoming(
    work: Work,
    task: SealedTask,
    failing_before: Collection[str],
    done: tuple[str, ...],
    given_up: AsyncExitStack,
) -> Upcoming:
    """Makes the first session of a task ready, in the sandbox where the one before it has just ended."""

    def make(sandbox: Sandbox) -> Ahead[ReadySession]:
        key = first_session(task)
        prompt = briefing.implement(work, task, pending=failing_before, done=done)
        logs = work.paths.step_logs(key, 1)
        ahead = Ahead(lambda: make_ready(work, key, sandbox, role="implement", prompt=prompt, logs=logs))
        given_up.push_async_callback(ahead.discard)
        return ahead

    return make


async def _baseline(work: Work) -> ChecksResult:
    """Which checks fail before any work is done: only those can prove that the work was done."""

    async def run(step: StepContext) -> ChecksResult:
        return await run_checks(work, step, work.base, work.context.checks)

    inputs = {"commit": work.base, "checks": [check.run for check in work.context.checks]}
    return await work.journal.step("baseline", run, result=ChecksResult, inputs=inputs)


async def _prove(work: Work, head: str, tree: str) -> tuple[int, VerificationResult]:
    """Verify a candidate; what a fresh clone reveals goes back to the agent, within the same bounds."""
    number = 1
    allowance = work.context.limits.attempts
    standing = Standing(tree=tree, failures=())
    verification = None
    while True:
        if verification is None:
            await _candidate(work, number, head)
            verification = await verify(work, number, head)
            if verification.ok:
                return number, verification
        failures = verification.failures
        if standing.stuck or number > allowance:
            if not work.grants.take():
                raise _give_up(standing, number, failures)
            standing = Standing(tree=standing.tree, failures=failures)
            allowance = number + work.context.limits.attempts
        ran = await session(
            work,
            f"candidate/fix#{number}",
            role="fix",
            head=head,
            tree=standing.tree,
            prompt=briefing.fix_verification(work, verification, attempt=number),
            message=f"{work.context.spec_title}: fix what verification found",
        )
        if ran.tree != standing.tree:  # the same candidate gets no second throw of the dice
            head, verification = ran.head, None
        standing = standing.after(ran, failures)
        number += 1


def _give_up(standing: Standing, number: int, failures: tuple[str, ...]) -> Stop:
    found = "; ".join(failures)
    if standing.stuck:
        return Stop(
            Verdict.BLOCKED, f"verification fails and the agent makes no progress ({found})", met_again=True
        )
    return Stop(
        Verdict.EXHAUSTED, f"verification still fails after {number} sessions: {found}", met_again=True
    )


async def _candidate(work: Work, number: int, commit: str) -> None:
    async def put_forward(step: StepContext) -> str:
        if await work.repo.tree(commit) == await work.repo.tree(work.base):
            raise Stop(
                Verdict.BLOCKED,
                "nothing was done: the candidate is the same as the base commit; start a new run",
            )
        await work.repo.set_ref("candidate", commit)
        await step.event("candidate", commit=commit)
        return commit

    await work.journal.step(f"candidate#{number}", put_forward, result=str, inputs={"commit": commit})
    await work.journal.set_candidate(commit)
