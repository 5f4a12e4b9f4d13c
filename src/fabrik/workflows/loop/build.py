"""One iteration that builds: a fresh session, the host's checks, and back with what failed, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fabrik.outcome import POLICIES, Cause, Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.attempts import session
from fabrik.workflows.checks import check_ahead
from fabrik.workflows.loop import telling
from fabrik.workflows.loop.judging import judge
from fabrik.workflows.loop.landing import follow, land
from fabrik.workflows.loop.order import Landed, Line, PlanState, Round, SealedLoop
from fabrik.workflows.loop.stuck import Past
from fabrik.workflows.playing import ReadySession
from fabrik.workflows.results import SessionResult
from fabrik.workflows.task import Following
from fabrik.workflows.work import Stop, Work

MERGES = 3  # in one iteration: somebody who commits that often has the word

Upcoming = Callable[[Sandbox], Ahead[ReadySession]]


@dataclass(frozen=True, kw_only=True)
class Iteration:
    """What one iteration came to."""

    line: Line
    past: Past
    tag: str = ""
    ahead: Ahead[ReadySession] | None = None  # the next one's session, being made ready


def session_key(mode: str, number: int, attempt: int = 1) -> str:
    """The key of a session of an iteration."""
    return f"{mode}/{number}/session#{attempt}"


async def build(
    work: Work,
    order: SealedLoop,
    number: int,
    line: Line,
    *,
    ahead: Ahead[ReadySession] | None,
    upcoming: Upcoming | None,
) -> Iteration:
    """Run the iteration from `line`; what is accepted has landed then. Raises Stop, VcsError."""
    place = f"{order.mode}/{number}"
    prompt = telling.first(work, order, number)
    head, tree = line.head, await work.repo.tree(line.head)
    attempt, allowance = 0, work.context.limits.attempts
    while True:
        attempt += 1
        following = Following(upcoming)
        async with check_ahead(work, f"{place}/checks#{attempt}", work.context.checks) as prepared:
            ran = await session(
                work,
                session_key(order.mode, number, attempt),
                role="implement" if attempt == 1 else "fix",
                head=head,
                tree=tree,
                prompt=prompt,
                message=telling.message(work, order, number),
                ahead=ahead if attempt == 1 else None,
                meanwhile=prepared.begin,
                afterwards=following.begin,
            )
            found = await judge(work, f"{place}/checks#{attempt}", number, line, ran, prepared)
        if found.accepted:
            landed = await _bring(work, order, number, line, ran, found)
            return replace(landed, ahead=following.ahead)
        await following.discard()
        stale = ran.tree == tree
        head, tree = ran.head, ran.tree
        if ran.says == "blocked" and ran.question and not work.grants.take():
            raise Stop(Verdict.BLOCKED, f"iteration {number} needs an answer: {ran.question}", met_again=True)
        if attempt >= allowance or stale:
            return await _given_up(work, number, line, ran, found)
        prompt = telling.fix(work, order, number, attempt + 1, ran, found)


async def _given_up(work: Work, number: int, line: Line, ran: SessionResult, found: Round) -> Iteration:
    """Nothing lands: the branch stays where it is, and what was made is kept in a ref."""
    if found.kept:
        work.journal.tell("loop.kept", ref=found.kept, commit=ran.head, iteration=number, paths=[])
    else:
        why = "" if ran.cause is Cause.ENDED else POLICIES[ran.cause].message
        work.journal.tell("loop.nothing", iteration=number, why=why)
    past = Past(number=number, tree=await work.repo.tree(line.head), landed=False, failures=found.failures)
    return Iteration(line=line, past=past)


async def _bring(
    work: Work, order: SealedLoop, number: int, line: Line, ran: SessionResult, found: Round
) -> Iteration:
    """Land it; where the branch has moved meanwhile, together with what came there, and checked again."""
    place, commit, plan = f"{order.mode}/{number}", ran.head, found.plan
    green = bool(found.results.checks)
    for turn in range(1, MERGES + 1):
        landed = await land(
            work,
            order,
            f"{place}/land#{turn}",
            line,
            commit,
            number=number,
            green=green,
            finished=found.finished,
        )
        if landed.outcome == "landed":
            return await _landed(work, number, commit, found, landed, plan=plan)
        followed = await follow(work, f"{place}/follow#{turn}", line, commit, landed.tip, number=number)
        line = followed.line
        if followed.already:
            return await _landed(work, number, line.head, found, landed, plan=line.plan)
        if not followed.merged:
            break
        commit = followed.merged
        merged = replace(ran, head=commit, tree=await work.repo.tree(commit))
        async with check_ahead(work, f"{place}/merged#{turn}", work.context.checks) as prepared:
            again = await judge(work, f"{place}/merged#{turn}", number, line, merged, prepared)
        plan = again.plan
        if not again.results.ok:
            found = again
            break
    tree = await work.repo.tree(line.head)
    return Iteration(line=line, past=Past(number=number, tree=tree, landed=False, failures=found.failures))


async def _landed(
    work: Work, number: int, commit: str, found: Round, landed: Landed, *, plan: PlanState
) -> Iteration:
    past = Past(
        number=number,
        tree=await work.repo.tree(commit),
        landed=True,
        code=found.code,
        finished=len(found.finished),
    )
    after = Line(head=commit, tip=landed.tip, known=commit, plan=plan)
    return Iteration(line=after, past=past, tag=landed.tag)
