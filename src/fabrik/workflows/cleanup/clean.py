"""A cleanup from its survey to its end: one at a time for a FABRIK_HOME."""

from __future__ import annotations

from fabrik import paths
from fabrik.ledger.reserve import LEDGER_ROOM, beside, set_aside
from fabrik.ledger.store import Ledger
from fabrik.vcs.lock import held
from fabrik.workflows.cleanup.model import Cleaned, Survey, Wanted
from fabrik.workflows.cleanup.remove import Remover
from fabrik.workflows.cleanup.survey import survey


async def clean(ledger: Ledger, home: paths.Home, wanted: Wanted) -> tuple[Survey, Cleaned]:
    """Remove what is left over, and the runs that are asked for; what was found, and what became of it.

    Another cleanup that is at it is waited for. What cannot be removed is told, not raised.
    Raises LedgerError, UsageError, OSError.
    """
    async with held(home.cleaning):
        found = await survey(ledger, home, wanted)
        cleaned = await Remover(ledger, home).all_of(found)
    set_aside(beside(home.ledger), LEDGER_ROOM)  # where the disk was full, there may be room again
    return found, cleaned
