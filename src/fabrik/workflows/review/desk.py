"""What the reviewers of a round share: a read-only checkout of the commit, and the change as text.

Both are made when the first of them really starts, so that a resumed run makes neither for what it has.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.errors import SandboxBroken
from fabrik.sandboxes.sandbox import Sandbox
from fabrik.vcs.inside import review_argv
from fabrik.workflows import workspace
from fabrik.workflows.logs import tail
from fabrik.workflows.results import FileChanged
from fabrik.workflows.review.change import ChangeText, pack
from fabrik.workflows.review.subject import Subject
from fabrik.workflows.work import Work
from fabrik.workflows.workspace import CHECKOUT, READER, git_inside

PATCH_BYTES = 64 << 20  # of a change that is put before reviewers at all


@dataclass(kw_only=True)
class Desk:
    """The checkout and the change, made once."""

    work: Work
    subject: Subject
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)
    _made: ChangeText | None = None

    async def lay(self, logs: Path) -> ChangeText:
        """Make the checkout, and give the change as text. Raises SandboxBroken, VcsError, DiskFull."""
        async with self._making:
            if self._made is None:
                _, made = await asyncio.gather(self._check_out(logs), self._change())
                self._made = made
            return self._made

    async def _check_out(self, logs: Path) -> None:
        """Bring the checkout to the commit. No agent ever wrote there, so what stands is only moved."""
        work, commit, base = self.work, self.subject.commit, self.subject.base
        repo = work.repo
        before = await repo.neutral(work.base, base)
        neutral = await repo.neutral(base, commit)
        sandbox = await workspace.open_sandbox(work, CHECKOUT)
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

    async def _change(self) -> ChangeText:
        base, commit = self.subject.base, self.subject.commit
        patches = await self.work.repo.patches(base, commit, max_bytes=PATCH_BYTES)
        return pack(
            patches.whole.text,
            patches.whole.truncated,
            [(file.path, file.text) for file in patches.files],
            [FileChanged(path=file.path, added=file.added, removed=file.removed) for file in patches.stat],
            cut={file.path for file in patches.files if file.truncated},
        )

    async def reader(self, seat: str) -> Sandbox:
        """The sandbox of one reviewer: it sees the checkout, and can write in its HOME alone."""
        return await workspace.open_sandbox(self.work, f"{READER}{seat}")

    async def clear(self) -> None:
        """Remove the reviewers' sandboxes and the checkout, if this round made them."""
        if self._made is not None:
            await clear(self.work)


async def clear(work: Work) -> None:
    """Remove what reviewers worked in: nothing of it is kept but their reports."""
    for ref in await work.provider.list(work.paths.sandboxes, {"run": work.run}):
        if ref.labels["purpose"] == CHECKOUT or ref.labels["purpose"].startswith(READER):
            await work.provider.destroy(ref)
