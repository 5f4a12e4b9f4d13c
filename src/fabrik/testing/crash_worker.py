"""A worker that is killed at a chosen journal transition: `kill -9`, with no chance to tidy up.

    python -m fabrik.testing.crash_worker RUN_ID --at N | --on "KIND [STEP]" | --each FILE
        --when before|after --kill worker|sandbox|both|stop

A transition is one write transaction of the worker. `before` kills when all of it is written and nothing of
it is committed; `after` when it is committed.
--at: at this one, counted from 1. A worker that has fewer runs to its end and says how many there were: so
they are counted by being killed at each.
--on: at the first one that writes an event of this kind (and of this step).
--each: at each one that writes an event whose kind and step no transition before has written; those are kept
in FILE. Started again and again with the same FILE, a worker is killed at every transition of its run once.
`sandbox` kills everything that the worker has started and lets the worker live; `stop` suspends the worker.
`struck` on stdout says that it was done, `transitions N` how many there were in all.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fabrik.ledger.connection import Connection
from fabrik.workflows import worker

WHEN = ("before", "after")
KILL = ("worker", "sandbox", "both", "stop")


@dataclass(kw_only=True)
class Transitions:
    """Counts the write transactions of this process and kills at one of them."""

    at: int | None = None
    on: str | None = None
    each: Path | None = None
    when: str = "before"
    kill: str = "worker"
    count: int = 0
    _seen: set[str] = field(default_factory=set)
    _armed: bool = True

    def install(self) -> None:
        """Wrap every write transaction from now on."""
        if self.each is not None and self.each.exists():
            self._seen.update(self.each.read_text().splitlines())
        original = Connection.transaction
        transitions = self

        @contextmanager
        def counted(connection: Connection) -> Iterator[sqlite3.Connection]:
            with original(connection) as db:
                [(last,)] = db.execute("SELECT coalesce(max(seq), 0) FROM events")
                yield db
                transitions.count += 1
                strikes = transitions.wanted(_written(db, last))
                if strikes and transitions.when == "before":
                    transitions.strike()
            if strikes and transitions.when == "after":
                transitions.strike()

        Connection.transaction = counted  # type: ignore[method-assign, assignment]

    def wanted(self, written: Sequence[str]) -> bool:
        """Whether this transition, which writes these events, is the one."""
        if not self._armed:
            return False
        if self.each is None:
            kinds = [event.partition(" ")[0] for event in written]
            return self.count == self.at or self.on in (*kinds, *written)
        fresh = [event for event in dict.fromkeys(written) if event not in self._seen]
        self._seen.update(fresh)
        with self.each.open("a") as known:
            known.writelines(f"{event}\n" for event in fresh)
        return bool(fresh)

    def strike(self) -> None:
        """Kill what is to be killed."""
        self._armed = self.each is not None
        if self.kill in ("sandbox", "both"):
            kill_descendants(os.getpid())
        os.write(1, b"struck\n")
        if self.kill == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.kill != "sandbox":
            os.kill(os.getpid(), signal.SIGKILL)


def _written(db: sqlite3.Connection, last: int) -> list[str]:
    """The events of this transaction, each as its kind and its step."""
    found = db.execute("SELECT kind, step FROM events WHERE seq > ? ORDER BY seq", [last])
    return [f"{kind} {step or ''}".rstrip() for kind, step in found]


def kill_descendants(process: int) -> None:
    """SIGKILL for every process that this one has started, and theirs."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                parents.setdefault(parent, []).append(int(entry.name))
    found = [process]
    for one in found:
        found.extend(parents.get(one, []))
    for one in found[1:]:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


def main() -> int:
    """Run the worker with the transitions watched; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--at", type=int)
    parser.add_argument("--on")
    parser.add_argument("--each", type=Path)
    parser.add_argument("--when", choices=WHEN, default="before")
    parser.add_argument("--kill", choices=KILL, default="worker")
    given = parser.parse_args()
    transitions = Transitions(at=given.at, on=given.on, each=given.each, when=given.when, kill=given.kill)
    transitions.install()
    status = worker.main([given.run])
    os.write(1, b"transitions %d\n" % transitions.count)
    return status


if __name__ == "__main__":
    sys.exit(main())
