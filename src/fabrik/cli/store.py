"""The ledger as commands use it: opened where there is one, and runs found by what the user typed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fabrik import paths
from fabrik.errors import UsageError
from fabrik.ledger.lockfile import is_held
from fabrik.ledger.rows import lock_of
from fabrik.ledger.store import Ledger

if TYPE_CHECKING:
    from fabrik.ledger.types import Run

LEAVING_SECONDS = 15.0  # more than a worker takes from its last word in the ledger to its end


@contextmanager
def reading() -> Iterator[Ledger | None]:
    """The ledger, or None where nothing was ever dispatched. Nothing is created. Raises LedgerError."""
    ledger = Ledger.open_existing(paths.home().ledger)
    try:
        yield ledger
    finally:
        if ledger is not None:
            ledger.close()


@contextmanager
def existing() -> Iterator[Ledger]:
    """The ledger, for commands that need one. Raises UsageError where there is none, LedgerError."""
    with reading() as ledger:
        if ledger is None:
            raise UsageError(
                "there are no runs yet",
                where=str(paths.home().ledger),
                todo="start one: fabrik run --spec SPEC (or set FABRIK_HOME to where your runs are)",
            )
        yield ledger


def wait_for_worker_to_leave(run: Run) -> None:
    """Wait until nobody owns the run any more.

    A worker that has committed a verdict, or a gate, is still busy writing the evidence page.
    """
    lock, until = lock_of(run.directory), time.monotonic() + LEAVING_SECONDS
    while is_held(lock) and time.monotonic() < until:
        time.sleep(0.02)


def taken_up(run: Run) -> bool:
    """Whether what was just decided about a run needs no new worker: one that lives acts on it, or has.

    A worker that waits for the human leaves; that is waited for.
    """
    lock, until = lock_of(run.directory), time.monotonic() + LEAVING_SECONDS
    while True:
        held = is_held(lock)  # before the status: who has let go since has written what it had to say
        with existing() as ledger:
            status = ledger.find_run(run.id).status
        if held and status == "waiting" and time.monotonic() < until:
            time.sleep(0.02)
        elif status == "running":
            return held
        else:
            return status != "waiting"
