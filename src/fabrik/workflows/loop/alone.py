"""One loop at a time works on a branch.

Two locks for each branch of a repository, below FABRIK_HOME/loops. The worker of a loop holds the first one
as long as it lives: a kill frees it. Who begins a loop holds the second, from before it looks whether there
is another until its own worker has the first: of two that begin at once, one finds the other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fabrik import paths
from fabrik.errors import RunBusy
from fabrik.ledger.codec import decode
from fabrik.ledger.lockfile import acquire, is_held
from fabrik.ledger.types import Run
from fabrik.workflows.context import RunContext
from fabrik.workflows.loop.order import SealedLoop

PATIENCE = 20  # times a second, in which another loop on the branch may come to its start


@contextmanager
def working(run: Run) -> Iterator[None]:
    """Hold the branch of a loop. Raises RunBusy when another loop works on it, LedgerError, DiskFull."""
    order = decode(SealedLoop, decode(RunContext, run.context).order)
    lock = _lock(Path(order.git_dir), run.branch)
    held = acquire(lock, patient=True)
    if held is None:
        raise _busy(lock, run.branch)
    try:
        os.ftruncate(held, 0)
        os.pwrite(held, run.id.encode(), 0)
        yield
    finally:
        os.close(held)


@contextmanager
def beginning(git_dir: Path, branch: str) -> Iterator[None]:
    """Hold the right to begin a loop on this branch, until its worker is started.

    Raises RunBusy when another loop works there, or is being started; LedgerError, DiskFull.
    """
    lock = _lock(git_dir, branch)
    held = None
    for _ in range(PATIENCE):  # who is refused is to be told by which run
        if (held := acquire(lock.with_suffix(".begin"), patient=True)) is not None:
            break
    if held is None:
        raise RunBusy(
            f"another loop is being started on {branch}",
            where=branch,
            todo="look at it: fabrik run attach last",
        )
    try:
        if is_held(lock):
            raise _busy(lock, branch)
        yield
    finally:
        os.close(held)


def _lock(git_dir: Path, branch: str) -> Path:
    """By the repository, which all of its working trees share, and the branch."""
    common = git_dir
    with suppress(OSError):  # gitrepository-layout(5): the file is there in a further working tree only
        common = git_dir / (git_dir / "commondir").read_text().strip()
    name = hashlib.sha256(os.fsencode(common.resolve()) + b"\0" + os.fsencode(branch)).hexdigest()[:16]
    return paths.home().directory / "loops" / f"{name}.lock"


def _busy(lock: Path, branch: str) -> RunBusy:
    run = ""
    with suppress(OSError):
        run = lock.read_text().strip()
    ref = run[-8:] or "last"
    return RunBusy(
        f"a loop is at work on {branch} already",
        where=run or branch,
        todo=f"fabrik run attach {ref}, or fabrik run cancel {ref}",
    )
