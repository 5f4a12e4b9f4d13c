"""Carries a run out in the process that was asked for it: for workflows that talk with a human."""

from __future__ import annotations

import os

from fabrik import paths
from fabrik.errors import UsageError
from fabrik.ledger.journal import Journal
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.outcome import Verdict
from fabrik.workflows import known_secrets
from fabrik.workflows.registry import Workflow
from fabrik.workflows.worker import record_end, to_the_end


async def in_foreground(run_id: str, workflow: Workflow) -> tuple[Verdict, str | None]:
    """Own the run, carry it out and record how it ended: its verdict, and the reason in one line.

    When this is cancelled (Ctrl-C), the run stays as it is and can be taken up again: steps that are in its
    journal are not repeated. Raises UsageError when the run has ended, RunBusy, LedgerError, DiskFull.
    """
    umask = os.umask(0o077)
    try:
        with Ledger.open(paths.home().ledger) as ledger:
            places = paths.home().run(run_id)
            with claim(ledger, run_id, places.lock) as ownership:
                since = ledger.events(run_id)[-1].seq
                run = ledger.find_run(run_id)
                if run.status in ("shipped", "done", "rejected"):
                    raise UsageError(f"this run has ended ({run.status})", where=run.id)
                journal = Journal(ledger, ownership, known_secrets.gather(run.context))
                if run.status != "running" or ledger.steps(run_id):
                    await journal.reopen()
                verdict, said = await to_the_end(ledger, run, journal, umask, since, workflow)
                if verdict is None:  # no workflow of this kind has a gate
                    raise UsageError("the run waits at its gate", where=run.id, todo="fabrik approve, reject")
                await record_end(ledger, run, journal, verdict, said)
                return verdict, said
    finally:
        os.umask(umask)
