"""The loop: iterations until a bound, an empty plan, a budget, or no progress.

Each begins with a fresh session on the branch as it is, and what it did has landed before the next one ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

from fabrik.ledger.codec import decode
from fabrik.outcome import Verdict
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.workflows.ahead import Ahead
from fabrik.workflows.attempts import implementing
from fabrik.workflows.loop import telling
from fabrik.workflows.loop.build import Iteration, Upcoming, build, session_key
from fabrik.workflows.loop.landing import look, push_all
from fabrik.workflows.loop.order import Line, Planned, PlanState, Pushed, SealedLoop
from fabrik.workflows.loop.planning import plan
from fabrik.workflows.loop.stuck import Past, stuck
from fabrik.workflows.playing import ReadySession, make_ready
from fabrik.workflows.registry import Ended
from fabrik.workflows.work import Stop, Work


async def carry_out(work: Work) -> Ended:
    """Take a loop as far as it goes. Raises Stop when it makes no progress or cannot go on."""
    order = decode(SealedLoop, work.context.order)
    async with Pushing(work=work, order=order) as pushing, AsyncExitStack() as given_up:
        loop = Loop(work=work, order=order, pushing=pushing, given_up=given_up)
        reason = await (loop.build() if order.builds else loop.plan())
        await pushing.settle()
        return Ended(verdict=Verdict.DONE, reason=reason + pushing.unsaid)


@dataclass(kw_only=True)
class Pushing:
    """Pushes beside the next iteration, one after the other; one that fails goes with the next."""

    work: Work
    order: SealedLoop
    names: tuple[str, ...] = ()  # tags that are to be pushed
    failed: str = ""
    _task: asyncio.Task[Pushed] | None = None

    async def begin(self, number: int, tag: str) -> None:
        """Push what has landed in an iteration, if that was asked for."""
        if not self.work.context.push:
            return
        await self.settle()
        self.names = (*self.names, tag) if tag else self.names
        key = f"{self.order.mode}/{number}/push"
        self._task = asyncio.create_task(push_all(self.work, self.order, key, self.names))

    async def settle(self) -> None:
        """Wait for the push that is under way. Raises LedgerError, DiskFull."""
        task, self._task = self._task, None
        if task is not None:
            pushed = await task
            self.failed = "" if pushed.ok else pushed.why
            self.names = () if pushed.ok else self.names

    @property
    def unsaid(self) -> str:
        return f"; the last push failed: {self.failed}" if self.failed else ""

    async def __aenter__(self) -> Pushing:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task is None:
            return
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


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

    async def build(self) -> str:
        """Build until there is a reason to stop, which it gives. Raises Stop."""
        line = await self._begin()
        start = await self.work.repo.tree(line.head)
        number = 0
        while True:
            line = await self._look(number + 1, line)
            self._tell(number, line)
            if line.plan.empty:
                return self._said(number, "the plan has no open item", line)
            if self.order.most and number >= self.order.most:
                return self._said(number, f"the bound of {self.order.most} is reached", line)
            number += 1
            ran = await build(
                self.work, self.order, number, line, ahead=self.ahead, upcoming=self._upcoming(number + 1)
            )
            start = await self._settled(number, ran, start)
            line, self.ahead = ran.line, ran.ahead

    async def plan(self) -> str:
        """Plan until the plan stays as it is, or the bound. Raises Stop."""
        line = await self._begin()
        start = await self.work.repo.tree(line.head)
        number = reworded = 0
        while True:
            line = await self._look(number + 1, line)
            self._tell(number, line)
            if self.order.most and number >= self.order.most:
                return self._said(number, f"the bound of {self.order.most} is reached", line)
            number += 1
            ran, found = await plan(self.work, self.order, number, line)
            start = await self._settled(number, ran, start)
            line = ran.line
            if not found.changed:
                return self._said(number, _unchanged(found), line)
            reworded = reworded + 1 if found.reworded else 0
            if reworded > 1:
                return self._said(number, "only the plan's words still change", line)

    async def _begin(self) -> Line:
        order, work = self.order, self.work
        # Who plans commits the plan alone: of what is not committed, nothing is known to the branch.
        known = work.base if order.builds else order.tip
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

    async def _settled(self, number: int, ran: Iteration, start: str) -> str:
        """Push what landed, and see whether there is progress. The tree that it counts from. Raises Stop."""
        self.past.append(ran.past)
        if ran.past.landed:
            await self.pushing.begin(number, ran.tag)
        found = stuck(start, self.past, plans_only=not self.order.builds)
        if found is None:
            return start
        if not self.work.grants.take():
            await self.pushing.settle()
            raise Stop(Verdict.BLOCKED, f"{found.reason}; {found.todo}{self.pushing.unsaid}", met_again=True)
        self.past.clear()
        return await self.work.repo.tree(ran.line.head)

    def _upcoming(self, number: int) -> Upcoming | None:
        """Makes the next iteration's session ready, in the sandbox where the one before it has just ended."""
        if self.order.most and number > self.order.most:
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
        of = f"/{self.order.most}" if self.order.most else ""
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


__all__: Sequence[str] = ["carry_out"]
