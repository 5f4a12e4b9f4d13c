"""One iteration that plans: of all that its session changed, the plan alone is taken over."""

from __future__ import annotations

from fabrik.ledger.journal import StepContext
from fabrik.ledger.types import TaskReport
from fabrik.outcome import Verdict
from fabrik.playbook import plan as plans
from fabrik.playbook.layout import PLAN
from fabrik.vcs.changes import FileContent
from fabrik.workflows.attempts import session
from fabrik.workflows.loop import telling
from fabrik.workflows.loop.build import MERGES, Iteration, session_key
from fabrik.workflows.loop.finishing import wrong_with_plan
from fabrik.workflows.loop.landing import follow, land
from fabrik.workflows.loop.order import Line, Planned, SealedLoop
from fabrik.workflows.loop.plan_file import put_of, with_plan
from fabrik.workflows.loop.reading import MAX_FILE, read_plan, state_of
from fabrik.workflows.loop.stuck import Past
from fabrik.workflows.results import SessionResult
from fabrik.workflows.work import Stop, Work

MOST_PATHS = 200  # that are named of what was left out


async def plan(
    work: Work, order: SealedLoop, number: int, line: Line, refused: str = ""
) -> tuple[Iteration, Planned]:
    """Run the iteration from `line`; a plan that differs has landed then. Raises Stop, VcsError.

    refused: why what the iteration before left was not taken over.
    """
    place = f"{order.mode}/{number}"
    ran = await session(
        work,
        session_key(order.mode, number),
        role="plan",
        head=line.head,
        tree=await work.repo.tree(line.head),
        prompt=telling.first(work, order, number, refused),
        message=telling.message(work, order, number),
    )
    found = await _take(work, f"{place}/plan", number, line, ran)
    if ran.says == "blocked" and ran.question and not work.grants.take():
        raise Stop(Verdict.BLOCKED, f"iteration {number} needs an answer: {ran.question}", met_again=True)
    if not found.changed:
        failures = (f"plan: {found.refused}",) if found.refused else ()
        past = Past(number=number, tree=await work.repo.tree(line.head), landed=False, failures=failures)
        return Iteration(line=line, past=past), found
    return await _bring(work, order, place, number, line, found), found


async def _take(work: Work, key: str, number: int, line: Line, ran: SessionResult) -> Planned:
    async def look(step: StepContext) -> Planned:
        found = await _planned(work, number, line, ran)
        if found.left_out:
            step.tell("loop.left_out", paths=list(found.left_out), ref=found.kept, iteration=number)
        if found.refused:
            step.tell("warning", text=f"iteration {number} is not taken over: {found.refused}")
        step.record(
            TaskReport(
                task=str(number),
                step=step.key,
                status="failed" if found.refused else "done",
                commit=found.commit,
                work=(f"{found.plan.open} open, {found.plan.done} done",),
                files=(PLAN,) if found.changed else (),
                tests=(),
                issues=(
                    *([found.refused] if found.refused else []),
                    *(f"left out: {path}" for path in found.left_out),
                    *ran.notes,
                ),
                next=(),
            )
        )
        return found

    return await work.journal.step(key, look, result=Planned, inputs={"commit": ran.head})


async def _planned(work: Work, number: int, line: Line, ran: SessionResult) -> Planned:
    repo = work.repo
    before, after = await read_plan(repo, line.head), await read_plan(repo, ran.head)
    put, had = await put_of(work, ran.head), await put_of(work, line.head)
    refused = ""
    if put != had:
        sides = [
            None if one is None else FileContent(content=content, mode=one.mode, cut=len(content) == MAX_FILE)
            for one, commit in ((had, line.head), (put, ran.head))
            for content in [await repo.read_file(commit, PLAN, MAX_FILE) or b""]
        ]
        if wrong := wrong_with_plan(*sides):
            refused, after, put = f"{PLAN} {wrong}", before, had
    files = await repo.changed_files(line.head, ran.head, max_bytes=0, most=MOST_PATHS + 1)
    left_out = tuple(pair.path for pair in files.files if pair.path != PLAN)
    kept = ""
    if left_out:
        await repo.set_ref(f"kept/iteration-{number}", ran.head)
        kept = f"refs/fabrik/kept/iteration-{number}"
    states = state_of(plans.read(before)), state_of(plans.read(after))
    if before == after:
        return Planned(
            commit=line.tip, head=line.head, known=line.known, changed=False, reworded=False,
            left_out=left_out[:MOST_PATHS], kept=kept, before=states[0], plan=states[1],
            refused=refused, missing=put is None,
        )  # fmt: skip
    said = f"Plan: iteration {number}"
    # What is not committed of the user's stays so: the commit has the plan alone.
    alone = line.head == line.tip and not left_out
    head = ran.head if not left_out else await with_plan(work, f"plans/{number}/head", line.head, put, said)
    commit = ran.head if alone else await with_plan(work, f"plans/{number}/plan", line.tip, put, said)
    known = line.tip
    if not alone and before != await read_plan(repo, line.tip):
        known = await with_plan(work, f"plans/{number}/known", line.tip, await put_of(work, line.head), said)
    return Planned(
        commit=commit,
        head=head,
        known=known,
        changed=True,
        reworded=not plans.compare(plans.read(before), plans.read(after)),
        left_out=left_out[:MOST_PATHS],
        kept=kept,
        before=states[0],
        plan=states[1],
    )


async def _bring(
    work: Work, order: SealedLoop, place: str, number: int, line: Line, found: Planned
) -> Iteration:
    commit, known = found.commit, found.known
    for turn in range(1, MERGES + 1):
        landing = Line(head=line.head, tip=line.tip, known=known, plan=line.plan)
        landed = await land(work, order, f"{place}/land#{turn}", landing, commit, number=number, green=False)
        if landed.outcome == "landed":
            past = Past(number=number, tree=await work.repo.tree(commit), landed=True, finished=0, code=False)
            after = Line(head=found.head, tip=landed.tip, known=landed.tip, plan=found.plan)
            return Iteration(line=after, past=past)
        followed = await follow(work, f"{place}/follow#{turn}", landing, commit, landed.tip, number=number)
        line = followed.line
        if not followed.merged:
            break
        commit, known = followed.merged, line.known
    return Iteration(line=line, past=Past(number=number, tree=await work.repo.tree(line.head), landed=False))
