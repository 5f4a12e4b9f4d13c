"""Who may write a run: the one process that holds its lock, and only as long as nobody came after it.

The lock keeps two workers from starting on one run. The fence covers what a lock cannot: a lock file that
was deleted or moved under its holder. Each claim raises the fence, and every write of a run compares it.
"""

from __future__ import annotations

import os
from pathlib import Path
from sqlite3 import Connection as Db
from typing import Any, Self

from fabrik.errors import Fenced, RunBusy
from fabrik.ledger.changes import add_event, state_of
from fabrik.ledger.connection import run_query
from fabrik.ledger.lockfile import acquire, is_held
from fabrik.ledger.processes import ProcessIdentity as OwnerProcess
from fabrik.ledger.processes import this_process
from fabrik.ledger.rows import lock_of
from fabrik.ledger.store import Ledger


class Ownership:
    """The right to write one run. Ends with `release`, with the process, or when another claims the run."""

    def __init__(self, run_id: str, fence: int, descriptor: int) -> None:
        self.run_id = run_id
        self.fence = fence
        self._descriptor: int | None = descriptor

    def check(self, db: Db) -> dict[str, Any]:
        """Called inside every write transaction of the run; gives the run's state as it is then.

        Raises Fenced when the right has ended.
        """
        state = state_of(db, self.run_id)
        if self._descriptor is None or state["fence"] != self.fence:
            raise Fenced(
                "another worker has taken this run over; this one writes nothing more",
                where=self.run_id,
                todo=f"watch it with `fabrik run attach {self.run_id}`",
            )
        return state

    def release(self) -> None:
        """Give the lock back; its file stays. Releasing twice is fine."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def claim(ledger: Ledger, run_id: str, lock_path: Path) -> Ownership:
    """Become the owner of a run.

    Raises RunBusy when another process holds the lock, UsageError when there is no such run, LedgerError
    and DiskFull.
    """
    living = owner_process(ledger, run_id, lock_path)
    descriptor = acquire(lock_path, patient=living is None)
    if descriptor is None:
        living = living or owner_process(ledger, run_id, lock_path)
        who = f"process {living.pid}" if living else "another process"
        raise RunBusy(
            f"{who} works on this run",
            where=run_id,
            todo=f"watch it with `fabrik run attach {run_id}`, or end it with `fabrik run cancel {run_id}`",
        )
    try:
        with ledger.transaction() as db:
            me = this_process()
            fence = int(state_of(db, run_id)["fence"]) + 1
            run_query(db, "run_claim", run=run_id, boot=me.boot, pid=me.pid, start=me.start)
            add_event(db, run_id, "run.claimed", fence=fence, pid=me.pid)
    except BaseException:
        os.close(descriptor)
        raise
    return Ownership(run_id, fence, descriptor)


def is_owned(lock_path: Path) -> bool:
    """Whether a process owns the run of this lock file right now. Disturbs nobody, waits for nothing."""
    return is_held(lock_path)


def owner_process(ledger: Ledger, run_id: str, lock_path: Path | None = None) -> OwnerProcess | None:
    """The living process that owns the run, safe to signal; None when it is not certain that it is the one.

    It must hold the run's lock, and its pid must have the start time and boot of the claim: a pid that was
    given again is never taken for the worker. lock_path None: the lock in the run's own directory.
    """
    found = ledger.owner_row(run_id)
    if found is None or found["owner_pid"] is None:
        return None
    owner = OwnerProcess(boot=found["owner_boot"], pid=found["owner_pid"], start=found["owner_start"])
    held = is_held(lock_path or lock_of(found["workdir"]))
    return owner if held and owner.lives() else None


__all__ = ["OwnerProcess", "Ownership", "claim", "is_owned", "owner_process"]
