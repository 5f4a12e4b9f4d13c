"""What the host makes of a session that builds: checks at its commit, the plan, and the tests it requires."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import TaskReport
from fabrik.outcome import POLICIES, Cause
from fabrik.playbook import agents_md
from fabrik.playbook.layout import AGENTS, PLAN
from fabrik.playbook.plan import compare
from fabrik.vcs.changes import ChangedFiles
from fabrik.workflows.ahead import HEAD_START
from fabrik.workflows.checks import CheckAhead, run_checks
from fabrik.workflows.loop.churning import trace
from fabrik.workflows.loop.closing import PlanRound, plan_round
from fabrik.workflows.loop.finishing import WANTED
from fabrik.workflows.loop.guarding import Guard
from fabrik.workflows.loop.order import Guarded, Line, Round
from fabrik.workflows.loop.reading import MAX_FILE, plan_of, text_of
from fabrik.workflows.loop.stuck import JUDGED_BY_CHANGED, failure_mark, repeated
from fabrik.workflows.protected import Judges
from fabrik.workflows.results import ChecksResult, SessionResult
from fabrik.workflows.work import Work

MOST_FILES = 200  # that are named


async def judge(
    work: Work,
    key: str,
    number: int,
    line: Line,
    ran: SessionResult,
    prepared: CheckAhead,
    guard: Guard,
    *,
    final: bool,
    failed: Sequence[tuple[str, ...]] = (),
    prove: bool = True,
) -> Round:
    """Run the checks at what a session left, since `line`, and record what became of the iteration.

    final: what is not accepted is not worked on any more. failed: with what the sessions before it failed in
    this iteration: the same again may be the end of it, too. prove: ask whether the checks run the tests that
    finished items require, where that was not asked of the same work before.
    """
    checks = work.context.checks

    async def look(step: StepContext) -> Round:
        if ran.head == line.head or ran.tree == await work.repo.tree(line.head):
            found = _nothing(line, ran)
        else:
            results, (changed, judges) = await asyncio.gather(
                run_checks(work, step, ran.head, checks, prepared),
                _changed(work, line, ran, guard, 0.0 if prepared.running else HEAD_START),
            )
            guarded = await guard.judge(key, number, line, judges, results)
            asked = key.replace("/checks#", "/required#") if prove else ""
            found = await _round(work, asked, number, line, ran, results, changed, guarded)
        if found.agents_changed:
            step.tell("warning", text=OTHER_CHECKS)
        for item in found.weakened:
            step.tell("warning", text=f"the plan requires fewer tests than before of: {item}")
        if found.accepted and len(found.finished) > 1:
            step.tell("warning", text=MANY.format(number=number, items=len(found.finished)))
        _tell_guarded(step, found.guarded)
        if not found.accepted and (final or repeated([*failed, found.failures])):
            _tell_end(step, number, ran, found)
        step.record(_report(step, number, ran, found))
        return found

    inputs = {"commit": ran.head, "checks": [check.run for check in checks]}
    return await work.journal.step(key, look, result=Round, inputs=inputs)


def _tell_end(step: StepContext, number: int, ran: SessionResult, found: Round) -> None:
    if found.kept:
        step.tell("loop.kept", ref=found.kept, commit=ran.head, iteration=number, paths=[])
    else:
        why = "" if ran.cause is Cause.ENDED else POLICIES[ran.cause].message
        step.tell("loop.nothing", iteration=number, why=why)


def _tell_guarded(step: StepContext, guarded: Guarded) -> None:
    for line in guarded.told:
        step.tell("warning", text=line)
    for line in guarded.against:
        step.tell("warning", text=f"not accepted, {JUDGED_BY_CHANGED}: {line}")
    if guarded.against:
        step.tell("warning", text=ALLOW)


ALLOW = "if such a change is wanted: fabrik loop build --may-change GLOB, with the files it may change"
MANY = "iteration {number} closes {items} items at once: that it is the work of each of them is not shown"
OTHER_CHECKS = (
    f"{AGENTS} names other checks now: this loop goes on with those that it began with;"
    " the next one takes the new ones when a human confirms them"
)


def _nothing(line: Line, ran: SessionResult) -> Round:
    return Round(
        results=ChecksResult(commit=ran.head, checks=()),
        accepted=False,
        files=(),
        code=False,
        finished=(),
        untested=(),
        weakened=(),
        failures=(),
        plan=line.plan,
        agents_changed=False,
        kept="",
    )


async def _changed(
    work: Work, line: Line, ran: SessionResult, guard: Guard, after: float
) -> tuple[ChangedFiles, Judges | None]:
    await asyncio.sleep(after)
    changed = await work.repo.changed_files(line.head, ran.head, max_bytes=MAX_FILE)
    return changed, await guard.look(line, ran.head, changed)


async def _round(
    work: Work,
    asked: str,
    number: int,
    line: Line,
    ran: SessionResult,
    results: ChecksResult,
    changed: ChangedFiles,
    guarded: Guarded,
) -> Round:
    pairs = {
        pair.path: (
            pair.before.content if pair.before else None,
            pair.after.content if pair.after else None,
        )
        for pair in changed.files
    }
    code = any(path != PLAN for path in pairs) or changed.total > len(pairs)
    green = results.ok and not guarded.against
    plan = await plan_round(work, asked if green else "", number, line, ran.head, changed)
    accepted = green and not plan.untested and not plan.undone
    before, after = _named(*pairs.get(AGENTS, (None, None)))
    sides = [plan_of(text_of(side)) for side in pairs.get(PLAN, ())]
    return Round(
        results=results,
        accepted=accepted,
        files=tuple(pairs)[:MOST_FILES],
        code=code,
        finished=plan.finished,
        untested=plan.untested,
        weakened=plan.weakened,
        failures=_failures(results, plan, guarded),
        plan=plan.state,
        agents_changed=before != after,
        named_before=before,
        named_after=after,
        guarded=guarded,
        undone=plan.undone,
        restored=plan.restored,
        trace=trace(pairs, PLAN, items_changed=bool(sides and compare(*sides))),
        kept="" if accepted else await _keep(work, number, ran),
    )


def _failures(results: ChecksResult, plan: PlanRound, guarded: Guarded) -> tuple[str, ...]:
    if results.setup_problem:
        return (failure_mark("setup", "failed", results.setup_problem),)
    failed = tuple(
        failure_mark(
            check.name,
            f"stopped by its {check.stopped_by} limit" if check.stopped_by else f"exit status {check.status}",
            check.tail,
        )
        for check in results.failed
    )
    return (
        *failed,
        *(f"plan: {problem}" for problem in plan.undone if problem != WANTED),
        *(f"required tests: {problem}" for problem in plan.untested),
        *(f"{JUDGED_BY_CHANGED}: {line}" for line in guarded.against),
    )


def _named(before: bytes | None, after: bytes | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The checks that AGENTS.md named before and names now, where these are others."""
    if before == after:
        return (), ()
    old, new = (tuple(check.run for check in agents_md.checks(text_of(side))) for side in (before, after))
    return (old, new) if old != new else ((), ())


async def _keep(work: Work, number: int, ran: SessionResult) -> str:
    name = f"kept/iteration-{number}"
    await work.repo.set_ref(name, ran.head)
    return f"refs/fabrik/{name}"


def _report(step: StepContext, number: int, ran: SessionResult, found: Round) -> TaskReport:
    blocked = ran.says == "blocked"
    return TaskReport(
        task=str(number),
        step=step.key,
        status="done" if found.accepted else "blocked" if blocked else "failed",
        commit=ran.head,
        work=found.finished or (("(no item of the plan was finished)",) if found.files else ("(nothing)",)),
        files=found.files,
        tests=tuple(f"{check.name}: {'pass' if check.ok else 'fail'}" for check in found.results.checks),
        issues=(*(failure.partition(" ~")[0] for failure in found.failures), *ran.notes),
        next=(),
    )
