"""The loop: iterations until a bound, an empty plan, a budget, or no progress.

Each begins with a fresh session on what the one before it made. That lands beside the session, and has landed
before anything of the session is looked at.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace

from fabrik.errors import FabrikError
from fabrik.ledger.codec import decode
from fabrik.outcome import Verdict
from fabrik.playbook.layout import PLAN
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.ahead import HEAD_START, Ahead
from fabrik.workflows.attempts import implementing
from fabrik.workflows.loop import telling
from fabrik.workflows.loop.build import Built, Ground, Iteration, Upcoming, bring, build, session_key
from fabrik.workflows.loop.guarding import Guard
from fabrik.workflows.loop.landing import look
from fabrik.workflows.loop.order import Line, Planned, PlanState, SealedLoop
from fabrik.workflows.loop.planning import plan
from fabrik.workflows.loop.pushing import Pushing
from fabrik.workflows.loop.stuck import Past, stuck, told
from fabrik.workflows.loop.vouching import changed_checks
from fabrik.workflows.playing import ReadySession, make_ready
from fabrik.workflows.registry import Ended
from fabrik.workflows.work import Stop, Work


async def carry_out(work: Work) -> Ended:
    """Take a loop as far as it goes. Raises Stop when it makes no progress or cannot go on."""
    try:
        ended = await _carry_out(work)
    except Stop as stop:
        if remark := _remark(work):
            raise Stop(stop.verdict, f"{stop.reason}; {remark}", met_again=stop.met_again) from stop
        raise
    remark = _remark(work)
    return replace(ended, reason=f"{ended.reason}; {remark}") if remark else ended


def _remark(work: Work) -> str:
    changed = changed_checks(work.ledger.steps(work.run))
    return changed.remark if changed else ""


async def _carry_out(work: Work) -> Ended:
    order = decode(SealedLoop, work.context.order)
    async with (
        Pushing(work=work, order=order) as pushing,
        AsyncExitStack() as given_up,
        Loop(work=work, order=order, pushing=pushing, given_up=given_up) as loop,
    ):
        reason = await (loop.build() if order.builds else loop.plan())
        await pushing.finish(reason)
        return Ended(verdict=Verdict.DONE, reason=reason)


@dataclass(kw_only=True)
class Loop:
    """A loop under way."""

    work: Work
    order: SealedLoop
    pushing: Pushing
    given_up: AsyncExitStack  # what was made ready and nobody takes
    past: list[Past] = field(default_factory=list)
    ahead: Ahead[ReadySession] | None = None
    _live: bool = False  # an iteration has begun in this process: the branch was looked at
    _start: str = ""  # the tree from which on progress counts
    _since: int = 0  # … and the iteration
    _given: int = 1  # how often the bound of iterations has been given
    _landing: asyncio.Task[Iteration] | None = None  # beside the next iteration's session
    _expected: Iteration | None = None  # of it
    _guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self._guard = Guard(work=self.work)

    async def __aenter__(self) -> Loop:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """What was accepted lands, whatever came afterwards; only a cancelled loop stops at once."""
        if self._landing is None:
            return
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            self._landing.cancel()
        with suppress(asyncio.CancelledError, FabrikError):  # its step says so, and is done when resumed
            await self._landing

    async def build(self) -> str:
        """Build until there is a reason to stop, which it gives. Raises Stop."""
        line = await self._begin()
        number = 0
        while True:
            line = await self._look(number + 1, line)
            self._tell(number, line)
            if why := self._enough(number, line):
                if (ground := await self._settle()) is not None:
                    line = ground.line
                elif self._ends(number, why, line):
                    return self._said(number, why, line)
                continue
            number += 1
            built = await build(
                self.work,
                self.order,
                number,
                line,
                ahead=self.ahead,
                upcoming=self._upcoming(number + 1),
                settle=self._settle,
                guard=self._guard,
            )
            self.ahead = built.ahead if isinstance(built, Built) else None
            line = await self._go_on(built)

    def _enough(self, number: int, line: Line) -> str:
        if line.plan.empty:
            return "the plan has no open item"
        if self._most and number >= self._most:
            return f"the bound of {self._most} is reached"
        return ""

    @property
    def _most(self) -> int:
        return self.order.most * self._given

    def _ends(self, number: int, why: str, line: Line) -> bool:
        """Whether this is the end; not where a human gave another bound. Raises Stop if nothing was done."""
        if not line.plan.there:
            raise Stop(Verdict.BLOCKED, f"{PLAN} is gone from {self.work.branch}: put it back, then resume")
        if any(one.landed for one in self.past) or (self.order.builds and line.plan.empty):
            return True
        if not self.work.grants.take():
            last = self.past[-1].failures if self.past else ()
            raise Stop(
                Verdict.BLOCKED,
                f"{self._said(number, why, line)}; {told(last) if last else 'the sessions changed nothing'}",
                met_again=True,
            )
        self._given += 1
        return False

    async def _go_on(self, built: Built | Iteration) -> Line:
        """Let it land, and give what the next iteration begins with: it need not wait. Raises Stop."""
        if isinstance(built, Built):
            self._expected = await built.expected(self.work)
            self._landing = asyncio.create_task(self._land(built))
            self.past.append(self._expected.past)
            line = self._expected.line
            if (built.moved or not self._live) and (ground := await self._settle()) is not None:
                line = ground.line
        else:
            self.past.append(built.past)
            line = built.line
        return await self._progress(line)

    async def _land(self, built: Built) -> Iteration:
        await asyncio.sleep(HEAD_START)  # the next session is waited for, this is not
        landed = await bring(self.work, self.order, built, self._guard)
        if landed.past.landed:
            await self.pushing.begin(built.number, landed.tag)
        return landed

    async def _settle(self) -> Ground | None:
        """Wait for what is landing; something only where it came to another end than expected."""
        landing, self._landing = self._landing, None
        expected, self._expected = self._expected, None
        if landing is None or expected is None:
            return None
        landed = await landing
        if landed.line.head == expected.line.head:
            return None
        self.past[-1:] = [landed.past]
        return Ground(line=landed.line, void=not landed.past.landed)

    async def _progress(self, line: Line) -> Line:
        """See whether there is progress. Raises Stop when there is none."""
        plans_only = not self.order.builds
        if stuck(self._start, self.past[self._since :], plans_only=plans_only) is None:
            return line
        if (ground := await self._settle()) is not None:
            line = ground.line
        found = stuck(self._start, self.past[self._since :], plans_only=plans_only)
        if found is None:
            return line
        if not self.work.grants.take():
            await self.pushing.settle()
            self._tell(self.past[-1].number, line)
            raise Stop(Verdict.BLOCKED, f"{found.reason}; {found.todo}{self.pushing.unsaid}", met_again=True)
        self._since = len(self.past)
        self._start = await self.work.repo.tree(line.head)
        return line

    async def plan(self) -> str:
        """Plan until the plan stays as it is, or the bound. Raises Stop."""
        line = await self._begin()
        number = reworded = 0
        refused = ""
        while True:
            line = await self._look(number + 1, line)
            self._tell(number, line)
            if self._most and number >= self._most:
                why = f"the bound of {self._most} is reached"
                if self._ends(number, why, line):
                    return self._said(number, why, line)
            number += 1
            ran, found = await plan(self.work, self.order, number, line, refused)
            refused = found.refused
            self.past.append(ran.past)
            if ran.past.landed:
                await self.pushing.begin(number, ran.tag)
            line = await self._progress(ran.line)
            if refused:
                continue
            if found.missing:
                await self.pushing.settle()
                raise Stop(
                    Verdict.BLOCKED, f"there is no {PLAN}: the session of iteration {number} made none"
                )
            if not found.changed:
                return self._said(number, _unchanged(found), line)
            reworded = reworded + 1 if found.reworded else 0
            if reworded > 1:
                return self._said(number, "only the plan's words still change", line)

    async def _begin(self) -> Line:
        order, work = self.order, self.work
        # Who plans commits the plan alone: of what is not committed, nothing is known to the branch.
        known = work.base if order.builds else order.tip
        self._start = await work.repo.tree(work.base)
        state = PlanState(open=0, done=0, readable=False)  # it is read when the branch is looked at
        return Line(head=work.base, tip=order.tip, known=known, plan=state)

    async def _look(self, number: int, line: Line) -> Line:
        """The line as the user's branch has it, where this process has not just landed on it itself."""
        if self._live:
            return line
        steps = {step.key: step for step in self.work.ledger.steps(self.work.run)}
        turn, looked = 1, 0.0
        while (begun := steps.get(key := f"{self.order.mode}/{number}/begin#{turn}")) is not None:
            if begun.state != "finished":
                break
            line = await look(self.work, self.order, key, line)
            turn, looked = turn + 1, begun.finished_at or begun.started_at
        session = steps.get(session_key(self.order.mode, number))
        if session is not None and session.state == "finished":
            return line
        self._live = True
        if turn > 1 and (session is None or session.started_at < looked):
            return line  # nothing has happened since it was looked at
        return await look(self.work, self.order, key, line)

    def _upcoming(self, number: int) -> Upcoming | None:
        """Makes the next iteration's session ready, in the sandbox where the one before it has just ended."""
        if self._most and number > self._most:
            return None
        work, key = self.work, session_key(self.order.mode, number)

        def make(sandbox: Sandbox) -> Ahead[ReadySession]:
            part = implementing(work, "implement", telling.first(work, self.order, number))
            logs = work.paths.step_logs(key, 1)
            ahead = Ahead(lambda: make_ready(work, key, sandbox, part, logs))
            self.given_up.push_async_callback(ahead.discard)
            return ahead

        return make

    def _tell(self, number: int, line: Line) -> None:
        plan = line.plan
        of = f"/{self._most}" if self._most else ""
        items = f" · {plan.open} open, {plan.done} done" if plan.open or plan.done else ""
        self.work.journal.tell_progress(f"iteration {number}{of}{items}")
        if number:
            self.work.journal.tell_candidate(line.tip)

    def _said(self, number: int, why: str, line: Line) -> str:
        landed = sum(1 for one in self.past if one.landed)
        what = "landed" if self.order.builds else "changed the plan"
        count = f"{line.plan.open} item{'s are' if line.plan.open > 1 else ' is'}"
        left = f"; {count} open" if line.plan.open and line.plan.readable else ""
        return f"{why}: {number} iteration{'s' * (number != 1)}, {landed} {what}{left}"


def _unchanged(found: Planned) -> str:
    left = f" (left out: {', '.join(found.left_out[:3])})" if found.left_out else ""
    return f"the plan stays as it is{left}"
