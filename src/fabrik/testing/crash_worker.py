"""A worker that is killed at a chosen journal transition: `kill -9`, with no chance to tidy up.

    python -m fabrik.testing.crash_worker RUN_ID --at N --when before|after --kill worker|sandbox|both

A transition is one write transaction of the worker, counted from 1. `before` kills before it begins, `after`
when it is committed. `sandbox` kills everything that the worker has started and lets the worker live.
`struck` on stdout says that it was done.
A worker that has fewer transitions runs to its end: so they are counted by being killed at each.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fabrik.ledger.connection import Connection
from fabrik.workflows import worker


class Transitions:
    """Counts the write transactions of this process and kills at one of them."""

    def __init__(self, at: int | None, when: str, kill: str) -> None:
        self.count = 0
        self._at = at
        self._when = when
        self._kill = kill

    def install(self) -> None:
        """Wrap every write transaction from now on."""
        original = Connection.transaction
        transitions = self

        @contextmanager
        def counted(connection: Connection) -> Iterator[sqlite3.Connection]:
            transitions.count += 1
            transitions.strike("before")
            with original(connection) as db:
                yield db
            transitions.strike("after")

        Connection.transaction = counted  # type: ignore[method-assign, assignment]

    def strike(self, when: str) -> None:
        """Kill, if this is the moment."""
        if self.count != self._at or when != self._when:
            return
        if self._kill in ("sandbox", "both"):
            kill_descendants()
            os.write(1, b"struck\n")
        if self._kill in ("worker", "both"):
            os.kill(os.getpid(), signal.SIGKILL)
        self._at = None


def kill_descendants() -> None:
    """SIGKILL for every process that this one has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [os.getpid()]
    for process in found:
        found.extend(parents.get(process, []))
    for process in found[1:]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def main() -> int:
    """Run the worker with the transitions watched; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--at", type=int)
    parser.add_argument("--when", choices=("before", "after"), default="before")
    parser.add_argument("--kill", choices=("worker", "sandbox", "both"), default="worker")
    given = parser.parse_args()
    Transitions(given.at, given.when, given.kill).install()
    return worker.main([given.run])


if __name__ == "__main__":
    sys.exit(main())
