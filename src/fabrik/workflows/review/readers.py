"""Where the reviewers of a round sit: each in a sandbox of its own, before one checkout that all read.

Their sessions can be begun before it is known what they will look at: the checkout's directory is there then,
and gets its content later; the commit, the prompt and the files of HOME are told at the word.
"""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from fabrik.ledger.types import Feedback
from fabrik.sandboxes.sandbox import Exit, Prepared, Sandbox
from fabrik.workflows import workspace
from fabrik.workflows.ahead import HEAD_START, Ahead
from fabrik.workflows.playing import Part, ReadySession, make_ready
from fabrik.workflows.review.subject import Seat
from fabrik.workflows.work import Work
from fabrik.workflows.workspace import CHECKOUT, READER, git_inside

TOLD = ".fabrik-checkout"  # below the HOME of the checkout's sandbox: the script that fills it


@dataclass(kw_only=True)
class Readers:
    """The sandboxes of the checkout and of those who read it, and the sessions that wait there."""

    work: Work
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _checkout: Sandbox | None = None
    _log: Path = Path()
    _filling: Ahead[Prepared] | None = None
    _sessions: dict[str, Ahead[ReadySession]] = field(default_factory=dict)  # by the keys of their steps

    def begin(self, key: str, seats: Sequence[Seat]) -> None:
        """Begin to make the sessions ready that will begin the round `key`, and what fills the checkout."""
        log = self._log = self.work.paths.step_logs(key, 0) / "checkout-ahead.log"
        self._filling = Ahead(partial(self._held, log))
        self._filling.begin(after=HEAD_START)
        for seat in seats:
            step = f"{key}/{seat.id}"
            self._sessions[step] = Ahead(partial(self._session, step, seat))
            self._sessions[step].begin(after=HEAD_START)

    async def _session(self, step: str, seat: Seat) -> ReadySession:
        sandbox = await self.reader(seat.id)
        logs = self.work.paths.step_logs(step, 1)
        return await make_ready(self.work, step, sandbox, part_of(self.work, seat), logs, untold=True)

    async def _held(self, log: Path) -> Prepared:
        sandbox = await self.checkout()
        argv = ["sh", f"{sandbox.home}/{TOLD}"]
        return await sandbox.prepare(replace(git_inside(argv, log, log), files={}))

    async def fill(self, argv: list[str], log: Path) -> Exit:
        """Run what fills the checkout, in the place that was made for it if there is one."""
        held = await self._filling.take() if self._filling else None
        if held is None:
            sandbox = await self.checkout()
            return await sandbox.exec(git_inside(argv, log, log))
        ended = await held.run({TOLD: os.fsencode(f"exec {shlex.join(argv)}\n")})
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log.rename(log)
        return ended

    async def take(self, step: str, attempt: int) -> ReadySession | None:
        """The session that was made ready for this start of a step; it has not been told anything yet."""
        ahead = self._sessions.get(step)
        if ahead and attempt > 1:
            await ahead.discard()
        return await ahead.take() if ahead else None

    async def checkout(self) -> Sandbox:
        """The sandbox of the checkout: opened once, for opening it again would end what runs in it."""
        async with self._opening:
            if self._checkout is None:
                self._checkout = await workspace.open_sandbox(self.work, CHECKOUT)
            return self._checkout

    async def reader(self, seat: str) -> Sandbox:
        """The sandbox of one reviewer: it sees the checkout, and can write in its HOME alone."""
        await self.checkout()
        return await workspace.open_sandbox(self.work, f"{READER}{seat}")

    async def discard(self) -> None:
        """Give up the sessions that nobody took."""
        for ahead in self._sessions.values():
            await ahead.discard()
        if self._filling:
            await self._filling.discard()

    @property
    def opened(self) -> bool:
        """Whether any of these sandboxes was opened."""
        return self._checkout is not None


def part_of(work: Work, seat: Seat) -> Part:
    """What is known of a reviewer's session whatever it will look at and be told."""
    return Part(
        agent=seat.agent,
        sealed=seat.sealed,
        role=seat.role,
        prompt=_untold,
        limits=work.review_limits,
        model=seat.model,
        reviewer=seat.id,
    )


def _untold(_: str, __: Sequence[Feedback]) -> str:
    return ""
