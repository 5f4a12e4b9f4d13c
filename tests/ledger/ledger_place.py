"""A run of its own with its owner and journal, for the tests of the journal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ledger_support import lock_of, new_run, open_ledger

from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import Ownership, claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import Run

T = TypeVar("T")


@dataclass
class Place:
    ledger: Ledger
    run: Run
    ownership: Ownership
    journal: Journal

    def kinds(self) -> list[str]:
        return [event.kind for event in self.ledger.events(self.run.id)][2:]  # after run.created, run.claimed

    def now(self) -> Run:
        return self.ledger.find_run(self.run.id)


@contextmanager
def place(home: Path) -> Iterator[Place]:
    """A run of its own, or the one that is there, resumed."""
    with open_ledger(home) as ledger:
        runs = ledger.list_runs()
        run = runs[0] if runs else ledger.create_run(new_run(home))
        with claim(ledger, run.id, lock_of(run)) as ownership:
            yield Place(ledger, run, ownership, Journal(ledger, ownership))


def returning(value: T, calls: list[int] | None = None) -> Callable[[StepContext], Awaitable[T]]:
    async def fn(context: StepContext) -> T:
        if calls is not None:
            calls.append(context.attempt)
        return value

    return fn
