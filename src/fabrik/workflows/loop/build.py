"""One iteration that builds: a fresh session, the host's checks, and back with what failed, within bounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from fabrik.outcome import Cause, Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.attempts import session
from fabrik.workflows.checks import check_ahead
from fabrik.workflows.loop import telling
from fabrik.workflows.loop.guarding import Guard
from fabrik.workflows.loop.judging import judge
from fabrik.workflows.loop.landing import follow, land
from fabrik.workflows.loop.order import Line, PlanState, Round, SealedLoop
from fabrik.workflows.loop.stuck import Cut, Past, repeated
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


@dataclass(frozen=True, kw_only=True)
class Built:
    """Work that was accepted, and is to land."""

    number: int
    line: Line  # what it began with
    ran: SessionResult
    found: Round
    cut: Cut
    moved: bool  # the branch is somewhere else than `line`: it has to be brought together with what is there
    ahead: Ahead[ReadySession] | None  # the next iteration's session, being made ready

    async def expected(self, work: Work) -> Iteration:
        """What it comes to where nobody else has moved the branch."""
        found, line = self.found, self.line
        return await _landed(
            work, self.number, self.ran.head, found, plan=found.plan, judges=line.judges, cut=self.cut
        )


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What an iteration was begun with is not what there is: the one before it landed otherwise."""

    line: Line
    void: bool  # what the iteration was begun with has not landed at all


Settle = Callable[[], Awaitable[Ground | None]]


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
    settle: Settle,
    guard: Guard,
) -> Built | Iteration:
    """Run the iteration from `line`, until its work is accepted or given up. Raises Stop, VcsError.

    settle: waits for what lands beside the first session. Where that came to nothing, the iteration begins
    anew with what there is.
    """
    place = f"{order.mode}/{number}"
    prompt = telling.first(work, order, number)
    head, tree = line.head, await work.repo.tree(line.head)
    attempt, allowance = 0, work.context.limits.attempts
    failed: list[tuple[str, ...]] = []  # with what its sessions failed
    cut = Cut()
    goes_on = line  # the next iteration, where this one lands nothing
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
                landed=prepared.start,
            )
            if (ground := await settle()) is not None:
                goes_on = ground.line
                if ground.void:
                    await following.discard()
                    line, allowance = ground.line, allowance + 1
                    head, tree = line.head, await work.repo.tree(line.head)
                    continue
            stale = ran.tree == tree
            cut = cut.after(timed_out=ran.cause is Cause.TIMED_OUT)
            over = stale or attempt >= allowance or cut.often
            found = await judge(
                work,
                f"{place}/checks#{attempt}",
                number,
                line,
                ran,
                prepared,
                guard,
                final=over,
                failed=failed,
            )
        if found.accepted:
            return Built(
                number=number,
                line=line,
                ran=ran,
                found=found,
                cut=cut,
                moved=goes_on.head != line.head,
                ahead=following.ahead,
            )
        await following.discard()
        head, tree = ran.head, ran.tree
        if found.restored:
            head, tree = found.restored, await work.repo.tree(found.restored)
        if ran.says == "blocked" and ran.question:
            if not work.grants.take():
                question = f"iteration {number} needs an answer: {ran.question}"
                raise Stop(Verdict.BLOCKED, question, met_again=True)
            if stale or attempt >= allowance:  # the answer goes to a session of its own
                allowance = attempt + 1
                continue
        failed.append(found.failures)
        if over or repeated(failed):  # nothing lands: the branch stays, what was made is kept in a ref
            before = await work.repo.tree(goes_on.head)
            past = Past(
                number=number,
                tree=before,
                landed=False,
                failures=found.failures,
                repeated=repeated(failed),
                cut=cut,
            )
            return Iteration(line=goes_on, past=past)
        prompt = telling.fix(work, order, number, attempt + 1, ran, found)


async def bring(work: Work, order: SealedLoop, built: Built, guard: Guard) -> Iteration:
    """Land it; where the branch has moved meanwhile, together with what came there, and checked again.

    Raises Stop, VcsError, DiskFull.
    """
    number, line, found = built.number, built.line, built.found
    place, commit, plan = f"{order.mode}/{number}", built.ran.head, found.plan
    # A version is for work that is done: an item of the plan, or what was left where none is open.
    green = bool(found.results.checks) and found.code and bool(found.finished or plan.empty)
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
            return await _landed(
                work, number, commit, found, plan=plan, judges=line.judges, cut=built.cut, tag=landed.tag
            )
        followed = await follow(work, f"{place}/follow#{turn}", line, commit, landed.tip, number=number)
        line = followed.line
        if followed.already:
            return await _landed(
                work, number, line.head, found, plan=line.plan, judges=line.judges, cut=built.cut
            )
        if not followed.merged:
            break
        commit = followed.merged
        merged = replace(built.ran, head=commit, tree=await work.repo.tree(commit))
        async with check_ahead(work, f"{place}/merged#{turn}", work.context.checks) as prepared:
            again = await judge(
                work,
                f"{place}/merged#{turn}",
                number,
                line,
                merged,
                prepared,
                guard,
                final=True,
                prove=False,
            )
        plan = again.plan
        if not again.results.ok or again.guarded.against:
            found = again
            break
    tree = await work.repo.tree(line.head)
    return Iteration(line=line, past=Past(number=number, tree=tree, landed=False, failures=found.failures))


async def _landed(
    work: Work,
    number: int,
    commit: str,
    found: Round,
    *,
    plan: PlanState,
    judges: str,
    cut: Cut,
    tag: str = "",
) -> Iteration:
    past = Past(
        number=number,
        tree=await work.repo.tree(commit),
        landed=True,
        code=found.code,
        finished=len(found.finished),
        trace=found.trace,
        cut=cut,
    )
    line = Line(head=commit, tip=commit, known=commit, plan=plan, judges=judges)
    return Iteration(line=line, past=past, tag=tag)
