"""What the reviewers of a round share: a read-only checkout of the commit, and the change as text.

Both are made when the first of them really starts, so that a resumed run makes neither for what it has.
Or they are begun before, together with the first sessions, when these will probably be wanted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

from fabrik.errors import FabrikError, SandboxBroken
from fabrik.ledger.types import Feedback
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.vcs.inside import review_argv
from fabrik.workflows import workspace
from fabrik.workflows.ahead import HEAD_START, Ahead
from fabrik.workflows.logs import tail
from fabrik.workflows.playing import Part, ReadySession, make_ready
from fabrik.workflows.results import FileChanged
from fabrik.workflows.review.change import ChangeText, pack
from fabrik.workflows.review.subject import Seat
from fabrik.workflows.work import Work
from fabrik.workflows.workspace import CHECKOUT, READER, git_inside

PATCH_BYTES = 64 << 20  # of a change that is put before reviewers at all


@dataclass(kw_only=True)
class Desk:
    """The checkout and the change, made once. Leaving the block gives up the sessions that nobody took."""

    work: Work
    commit: str
    base: str  # what it is compared with
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _checkout: Sandbox | None = None
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: ChangeText | None = None
    _begun: asyncio.Task[None] | None = None
    _sessions: dict[str, Ahead[ReadySession]] = field(default_factory=dict)  # by the keys of their steps

    def begin(self, key: str, seats: Sequence[Seat]) -> None:
        """Begin to lay it, and to make the sessions ready that will begin the round `key`."""
        self._begun = asyncio.create_task(self._lay_soon(key))
        for seat in seats:
            step = f"{key}/{seat.id}"
            self._sessions[step] = Ahead(partial(self._session, step, seat))
            self._sessions[step].begin(after=HEAD_START)

    async def _lay_soon(self, key: str) -> None:
        await asyncio.sleep(HEAD_START)
        with suppress(FabrikError, OSError):  # the same trouble, if it lasts, is met again where it counts
            await self.lay(self.work.paths.step_logs(key, 0))

    async def _session(self, step: str, seat: Seat) -> ReadySession:
        sandbox = await self.reader(seat.id)
        logs = self.work.paths.step_logs(step, 1)
        return await make_ready(self.work, step, sandbox, self.part(seat), logs, untold=True)

    async def take(self, step: str, attempt: int) -> ReadySession | None:
        """The session that was made ready for this start of a step; it has not been told anything yet."""
        ahead = self._sessions.get(step)
        if ahead and attempt > 1:
            await ahead.discard()
        return await ahead.take() if ahead else None

    def part(self, seat: Seat) -> Part:
        """What is known of a reviewer's session whatever it is told."""
        return Part(
            agent=seat.agent,
            sealed=seat.sealed,
            role=seat.role,
            prompt=_untold,
            limits=self.work.review_limits,
            model=seat.model,
            reviewer=seat.id,
            commit=self.commit,
            base=self.base,
        )

    async def discard(self) -> None:
        """Give up the sessions that nobody took, and wait for the rest to be at rest."""
        for ahead in self._sessions.values():
            await ahead.discard()
        if self._begun:
            await self._begun

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.discard()

    async def lay(self, logs: Path) -> ChangeText:
        """Make the checkout, and give the change as text. Raises SandboxBroken, VcsError, DiskFull."""
        async with self._making:
            if self._made is None:
                _, made = await asyncio.gather(self._check_out(logs), self._change())
                self._made = made
            return self._made

    async def _check_out(self, logs: Path) -> None:
        """Bring the checkout to the commit. No agent ever wrote there, so what stands is only moved."""
        work, commit, base = self.work, self.commit, self.base
        repo = work.repo
        before = await repo.neutral(work.base, base)
        neutral = await repo.neutral(base, commit)
        sandbox = await self._open()
        log = logs / "checkout.log"
        argv = review_argv(
            sandbox.workspace,
            repo.objects,
            repo.base_objects,
            base=work.base,
            commit=commit,
            neutral=neutral,
            earlier={base: before} if before else {},
        )
        ended = await sandbox.exec(git_inside(argv, log, log))
        if not ended.ok:
            raise SandboxBroken(f"no checkout for the reviewers: {tail(log)}", where=sandbox.name)

    async def _open(self) -> Sandbox:
        """The sandbox of the checkout: opened once, for opening it again would end what runs in it."""
        async with self._opening:
            if self._checkout is None:
                self._checkout = await workspace.open_sandbox(self.work, CHECKOUT)
            return self._checkout

    async def _change(self) -> ChangeText:
        patches = await self.work.repo.patches(self.base, self.commit, max_bytes=PATCH_BYTES)
        return pack(
            patches.whole.text,
            patches.whole.truncated,
            [(file.path, file.text) for file in patches.files],
            [FileChanged(path=file.path, added=file.added, removed=file.removed) for file in patches.stat],
            cut={file.path for file in patches.files if file.truncated},
        )

    async def reader(self, seat: str) -> Sandbox:
        """The sandbox of one reviewer: it sees the checkout, and can write in its HOME alone."""
        await self._open()
        return await workspace.open_sandbox(self.work, f"{READER}{seat}")

    async def clear(self) -> None:
        """Remove the reviewers' sandboxes and the checkout, if this round made them."""
        if self._checkout is not None:
            await clear(self.work)


def _untold(_: str, __: Sequence[Feedback]) -> str:
    return ""


async def clear(work: Work) -> None:
    """Remove what reviewers worked in: nothing of it is kept but their reports."""
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        if ref.labels["purpose"] == CHECKOUT or ref.labels["purpose"].startswith(READER):
            await work.provider.destroy(ref)
