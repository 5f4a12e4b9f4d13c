"""The first light review of a task, made ready before its work is accepted, for it probably will be.

While the agent works, its reviewers' sessions are made ready; what they will look at, as soon as there is
a commit, beside the checks. Nothing of a reviewer is started and nothing is journaled before the checks have
said so. What turns out not to be wanted is given up: the task goes back to its agent, its review is skipped,
or the run ends.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Self

from fabrik.errors import FabrikError
from fabrik.workflows.context import SealedTask
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.readers import Readers
from fabrik.workflows.review.subject import light_seats
from fabrik.workflows.task import place_of
from fabrik.workflows.work import Work


def round_key(task: SealedTask, number: int) -> str:
    """The key of a round of a task's light review."""
    return f"{place_of(task)}/review#{number}"


class EarlyReview:
    """Readers, then a desk for the commit that a task has come to. Leaving the block gives up the rest."""

    def __init__(self, work: Work, task: SealedTask, *, base: str) -> None:
        self._work = work
        self._key = round_key(task, 1)
        self._base = base
        self._readers: Readers | None = None
        self._desk: Desk | None = None

    def expect(self) -> None:
        """Begin to make the reviewers' sessions ready: there will be something to look at."""
        seats = light_seats(self._work)
        if self._readers is None and seats:
            self._readers = Readers(work=self._work)
            self._readers.begin(self._key, seats)

    def begin(self, commit: str) -> None:
        """Begin to lay the desk for this commit; not while there is one for another."""
        if self._desk is None and self._readers is not None and commit != self._base:
            self._desk = Desk(work=self._work, commit=commit, base=self._base, readers=self._readers)
            self._desk.begin(self._key)

    async def changed(self, before: str, commit: str) -> tuple[str, ...] | None:
        """The paths that differ between two commits, if a desk is laid for just that."""
        desk = self._desk
        if desk is None or (desk.base, desk.commit) != (before, commit):
            return None
        with suppress(FabrikError, OSError):  # the same trouble, if it lasts, is met again where it counts
            return await desk.paths()
        return None

    async def take(self, commit: str) -> Desk | None:
        """The desk, if it is one for this commit. The caller leaves it as it leaves any other."""
        if self._desk is not None and self._desk.commit != commit:
            await self.discard()
        desk, self._desk = self._desk, None
        if desk is not None:
            self._readers = None
        return desk

    async def discard(self) -> None:
        """Give up what nobody took."""
        desk, self._desk = self._desk, None
        readers, self._readers = self._readers, None
        if readers is not None:
            await readers.discard()
        if desk is not None:
            await desk.discard()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.discard()
