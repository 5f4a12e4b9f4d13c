"""The first light review of a task, made ready while its checks run, for they will probably accept it.

Nothing of a reviewer is started and nothing is journaled before the checks have said so. What turns out not
to be wanted is given up: the task goes back to its agent, its review is skipped, or the run ends.
"""

from __future__ import annotations

from typing import Self

from fabrik.workflows.context import SealedTask
from fabrik.workflows.review.desk import Desk
from fabrik.workflows.review.subject import light_seats
from fabrik.workflows.task import place_of
from fabrik.workflows.work import Work


def round_key(task: SealedTask, number: int) -> str:
    """The key of a round of a task's light review."""
    return f"{place_of(task)}/review#{number}"


class EarlyReview:
    """A desk for the commit that a task has come to. Leaving the block gives up what nobody took."""

    def __init__(self, work: Work, task: SealedTask, *, base: str) -> None:
        self._work = work
        self._key = round_key(task, 1)
        self._base = base
        self._desk: Desk | None = None

    def begin(self, commit: str) -> None:
        """Begin to lay the desk for this commit; not while there is one for another."""
        seats = light_seats(self._work)
        if self._desk is None and seats and commit != self._base:
            self._desk = Desk(work=self._work, commit=commit, base=self._base)
            self._desk.begin(self._key, seats)

    async def take(self, commit: str) -> Desk | None:
        """The desk, if it is one for this commit. The caller leaves it as it leaves any other."""
        if self._desk is not None and self._desk.commit != commit:
            await self.discard()
        desk, self._desk = self._desk, None
        return desk

    async def discard(self) -> None:
        """Give up what nobody took."""
        desk, self._desk = self._desk, None
        if desk is not None:
            await desk.discard()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.discard()
