"""One command at a time works on a backlog."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabrik import paths
from fabrik.errors import RunBusy
from fabrik.ledger.lockfile import acquire
from fabrik.ledger.store import Ledger


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Hold the backlog's lock, which ends with this process. Raises RunBusy, LedgerError, DiskFull."""
    name = hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    lock = acquire(paths.home().directory / "backlogs" / f"{name}.lock", patient=True)
    if lock is None:
        raise RunBusy(
            "another `fabrik backlog run` works on this backlog",
            where=str(directory),
            todo="look at it: fabrik backlog status",
        )
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def private_ledger(path: Path) -> Iterator[Ledger]:
    """The ledger; where it is made here, it belongs to this user alone. Raises LedgerError."""
    before = os.umask(0o077)
    try:
        ledger = Ledger.open(path)
    finally:
        os.umask(before)
    with ledger:
        yield ledger
