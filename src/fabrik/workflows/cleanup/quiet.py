"""What a worker does on the side for runs that lost theirs: it ends what still runs for them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from fabrik import paths
from fabrik.errors import FabrikError
from fabrik.ledger.lockfile import is_held
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run

PATIENCE = 5.0  # seconds that the end of a worker waits for it; the next start goes on with it


@asynccontextmanager
async def tidying(ledger: Ledger, home: paths.Home, besides: str) -> AsyncIterator[None]:
    """Clear up in the background while the block runs. besides: the worker's own run.

    No files of a run go. What cannot be ended is told on stderr, the worker's log; nothing is raised.
    """
    task = asyncio.create_task(_tidy(ledger, home, besides))
    try:
        yield
    finally:
        await asyncio.wait({task}, timeout=PATIENCE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _tidy(ledger: Ledger, home: paths.Home, besides: str) -> None:
    try:
        at_rest = ledger.list_runs(limit=None, status="waiting")
        lost = [
            run
            for run in (*ledger.list_runs(limit=None, status="running"), *at_rest)
            if run.id != besides and not is_held(home.run(run.id).lock)
        ]
        if lost:
            await _clear(ledger, home, lost)
    except (FabrikError, OSError) as error:
        with suppress(OSError):
            sys.stderr.write(f"what other runs have left could not be cleared up: {error}\n")


async def _clear(ledger: Ledger, home: paths.Home, lost: Sequence[Run]) -> None:
    # Here and not above: most workers find nothing to do.
    from fabrik.workflows.cleanup.left import Left
    from fabrik.workflows.cleanup.model import Survey
    from fabrik.workflows.cleanup.remove import Remover
    from fabrik.workflows.cleanup.seen import marked

    left = Left(home, await asyncio.to_thread(marked))
    found = [thing for run in lost for thing in await left.of(run)]
    cleaned = await Remover(ledger, home).all_of(Survey(things=tuple(thing for thing in found if thing.goes)))
    for leak in cleaned.leaks:
        sys.stderr.write(f"{leak.thing.name}: {leak.what}\n  → {leak.command}\n")
