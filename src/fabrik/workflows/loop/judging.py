"""What the host makes of a session that builds: checks at its commit, the plan, and the tests it requires."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import TaskReport
from fabrik.outcome import POLICIES, Cause
from fabrik.playbook import agents_md
from fabrik.playbook import plan as plans
from fabrik.playbook.layout import AGENTS, PLAN
from fabrik.vcs.changes import ChangedFiles
from fabrik.workflows.ahead import HEAD_START
from fabrik.workflows.checks import CheckAhead, run_checks
from fabrik.workflows.loop.order import Line, PlanState, Round
from fabrik.workflows.loop.reading import MAX_FILE, MAX_PLAN, read_plan, state_of, text_of
from fabrik.workflows.loop.required import missing_tests, path_of
from fabrik.workflows.loop.stuck import failure_mark
from fabrik.workflows.results import ChecksResult, SessionResult
from fabrik.workflows.work import Work

MOST_FILES = 200  # that are named
MOST_TEXT = 200  # characters of an item


async def judge(
    work: Work,
    key: str,
    number: int,
    line: Line,
    ran: SessionResult,
    prepared: CheckAhead,
    *,
    final: bool,
) -> Round:
    """Run the checks at what a session left, since `line`, and record what became of the iteration.

    final: what is not accepted is not worked on any more.
    """
    checks = work.context.checks

    async def look(step: StepContext) -> Round:
        if ran.head == line.head:
            found = _nothing(line, ran)
        else:
            results, changed = await asyncio.gather(
                run_checks(work, step, ran.head, checks, prepared), _changed(work, line, ran)
            )
            found = await _round(work, number, line, ran, results, changed)
        if found.agents_changed:
            step.tell("warning", text=OTHER_CHECKS)
        for item in found.weakened:
            step.tell("warning", text=f"the plan requires fewer tests than before of: {item}")
        if final and not found.accepted:
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


OTHER_CHECKS = (
    f"{AGENTS} names other checks now: this loop goes on with those that it began with;"
    " the next one takes the new ones"
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


async def _changed(work: Work, line: Line, ran: SessionResult) -> ChangedFiles:
    await asyncio.sleep(HEAD_START)
    return await work.repo.changed_files(line.head, ran.head, max_bytes=MAX_FILE)


async def _round(
    work: Work, number: int, line: Line, ran: SessionResult, results: ChecksResult, changed: ChangedFiles
) -> Round:
    pairs = {
        pair.path: (
            pair.before.content if pair.before else None,
            pair.after.content if pair.after else None,
        )
        for pair in changed.files
    }
    code = any(path != PLAN for path in pairs) or changed.total > len(pairs)
    state, finished, untested, weakened = await _plan(work, line, ran, pairs, code=code)
    accepted = results.ok and not untested
    return Round(
        results=results,
        accepted=accepted,
        files=tuple(pairs)[:MOST_FILES],
        code=code,
        finished=finished,
        untested=untested,
        weakened=weakened,
        failures=_failures(results, untested),
        plan=state,
        agents_changed=_other_checks(*pairs.get(AGENTS, (None, None))),
        kept="" if accepted else await _keep(work, number, ran),
    )


async def _plan(
    work: Work,
    line: Line,
    ran: SessionResult,
    pairs: Mapping[str, tuple[bytes | None, bytes | None]],
    *,
    code: bool,
) -> tuple[PlanState, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The plan as it is now, what was finished, why some of that does not count, and what was weakened."""
    if PLAN not in pairs:
        return line.plan, (), (), ()
    before, after = (plans.read(text_of(side)) for side in pairs[PLAN])
    if len(pairs[PLAN][1] or b"") == MAX_FILE:  # it was cut
        after = plans.read(await read_plan(work.repo, ran.head))
    changes = plans.compare(before, after)
    # The playbook's agents remove an item that is resolved. Without any code it is a plan made anew.
    finished = (*changes.finished, *changes.recorded, *(changes.removed if code else ()))
    contents: dict[str, bytes | None] = {}
    for path in {path_of(test) for item in finished for test in item.required_tests.paths}:
        held = pairs[path][1] if path in pairs else None
        contents[path] = held if held is not None else await work.repo.read_file(ran.head, path, MAX_PLAN)
    state = state_of(after)
    if not after.items and (before.items or not before.wordy):  # all were removed; what is left is prose
        state = PlanState(open=0, done=0, readable=True)
    return (
        state,
        tuple(item.text[:MOST_TEXT] for item in finished),
        missing_tests(finished, contents, pairs),
        tuple(item.text[:MOST_TEXT] for item in changes.weakened),
    )


def _failures(results: ChecksResult, untested: tuple[str, ...]) -> tuple[str, ...]:
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
    return (*failed, *(f"required tests: {problem}" for problem in untested))


def _other_checks(before: bytes | None, after: bytes | None) -> bool:
    if before == after:
        return False
    sides = [[check.run for check in agents_md.checks(text_of(side))] for side in (before, after)]
    return sides[0] != sides[1]


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
