"""What the reviewers of a round share: a read-only checkout of the commit, and the change as text.

Both are made when the first of them really starts, so that a resumed run makes neither for what it has.
Or they are begun before, when they will probably be wanted.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from fabrik.errors import FabrikError, SandboxBroken
from fabrik.vcs.inside import review_argv
from fabrik.workflows.ahead import HEAD_START
from fabrik.workflows.logs import tail
from fabrik.workflows.results import FileChanged
from fabrik.workflows.review.change import ChangeText, pack
from fabrik.workflows.review.readers import Readers
from fabrik.workflows.work import Work
from fabrik.workflows.workspace import CHECKOUT, READER

PATCH_BYTES = 64 << 20  # of a change that is put before reviewers at all


@dataclass(kw_only=True)
class Desk:
    """The checkout and the change, made once. Leaving the block gives up the sessions that nobody took."""

    work: Work
    commit: str
    base: str  # what it is compared with
    readers: Readers
    known: bool = False  # the commit is in the history of the run's base: nothing about it is to be hidden
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: ChangeText | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _change: tuple[ChangeText, tuple[str, ...]] | None = None  # … and the paths of all changed files
    _begun: asyncio.Task[None] | None = None

    def begin(self, key: str) -> None:
        """Begin to lay it, for the round `key`."""
        self._begun = asyncio.create_task(self._lay_soon(key))

    async def _lay_soon(self, key: str) -> None:
        await asyncio.sleep(HEAD_START)
        with suppress(FabrikError, OSError):  # the same trouble, if it lasts, is met again where it counts
            await self.lay(self.work.paths.step_logs(key, 0))

    async def discard(self) -> None:
        """Give up the sessions that nobody took, and wait for the rest to be at rest."""
        await self.readers.discard()
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
                _, (made, _) = await asyncio.gather(self._check_out(logs), self._read())
                self._made = made
            return self._made

    async def _check_out(self, logs: Path) -> None:
        """Bring the checkout to the commit. No agent ever wrote there, so what stands is only moved."""
        work, commit, base = self.work, self.commit, self.base
        repo = work.repo
        before = None if self.known else await repo.neutral(work.base, base)
        neutral = None if self.known else await repo.neutral(base, commit)
        sandbox = await self.readers.checkout()
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
        ended = await self.readers.fill(argv, log)
        if not ended.ok:
            raise SandboxBroken(f"no checkout for the reviewers: {tail(log)}", where=sandbox.name)

    async def paths(self) -> tuple[str, ...]:
        """The changed files. Raises VcsError."""
        return (await self._read())[1]

    async def _read(self) -> tuple[ChangeText, tuple[str, ...]]:
        async with self._reading:
            if self._change is None:
                patches = await self.work.repo.patches(self.base, self.commit, max_bytes=PATCH_BYTES)
                text = pack(
                    patches.whole.text,
                    patches.whole.truncated,
                    [(file.path, file.text) for file in patches.files],
                    [
                        FileChanged(path=file.path, added=file.added, removed=file.removed)
                        for file in patches.stat
                    ],
                    cut={file.path for file in patches.files if file.truncated},
                )
                self._change = text, tuple(file.path for file in patches.stat)
            return self._change

    async def clear(self) -> None:
        """Remove the reviewers' sandboxes and the checkout, if this round made them."""
        if self.readers.opened:
            await clear(self.work)


async def clear(work: Work) -> None:
    """Remove what reviewers worked in: nothing of it is kept but their reports."""
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        if ref.labels["purpose"] == CHECKOUT or ref.labels["purpose"].startswith(READER):
            await work.provider.destroy(ref)
