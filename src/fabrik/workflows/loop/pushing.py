"""Pushes beside the next iteration, one after the other."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from fabrik.errors import FabrikError
from fabrik.outcome import Verdict
from fabrik.workflows.loop.landing import push_all
from fabrik.workflows.loop.order import Pushed, SealedLoop
from fabrik.workflows.work import Stop, Work


@dataclass(kw_only=True)
class Pushing:
    """The pushes of a loop. One that fails is told, and what it was to bring goes with the next."""

    work: Work
    order: SealedLoop
    names: tuple[str, ...] = ()  # tags that are to be pushed
    failed: str = ""
    _tracked: bool = False  # a push came to its end: the branch has an upstream
    _task: asyncio.Task[Pushed] | None = None

    async def begin(self, number: int, tag: str) -> None:
        """Push what has landed in an iteration, if that was asked for."""
        if not self.work.context.push:
            return
        await self.settle()
        self.names = (*self.names, tag) if tag else self.names
        key = f"{self.order.mode}/{number}/push"
        self._task = asyncio.create_task(
            push_all(self.work, self.order, key, self.names, tracked=self._tracked)
        )

    async def settle(self) -> None:
        """Wait for the push that is under way. Raises LedgerError, DiskFull."""
        task, self._task = self._task, None
        if task is not None:
            pushed = await task
            self._tracked = pushed.ok
            self.failed = "" if pushed.ok else pushed.why
            self.names = () if pushed.ok else self.names

    async def finish(self, reason: str) -> None:
        """See that all is pushed at the end of a loop, which ends for this reason.

        Raises Stop where it is not: when the run is resumed, it is tried again. LedgerError, DiskFull.
        """
        await self.settle()
        turn = 0
        while self.failed:
            if not self.work.grants.take():
                said = f"{reason}; landed, but not pushed: {self.failed}"
                raise Stop(Verdict.BLOCKED, said, met_again=True)
            turn += 1
            key = f"{self.order.mode}/end/push#{turn}"
            pushed = await push_all(self.work, self.order, key, self.names)
            self.failed = "" if pushed.ok else pushed.why

    @property
    def unsaid(self) -> str:
        """What a human has to know at the end."""
        return f"; the last push failed: {self.failed}" if self.failed else ""

    async def __aenter__(self) -> Pushing:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._task is None:
            return
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            self._task.cancel()
        with suppress(asyncio.CancelledError, FabrikError):
            await self._task
