"""What is made ready while something else runs, because its start is waited for afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, Protocol, Self, TypeVar

from fabrik.errors import FabrikError


class Discardable(Protocol):
    """Something ready that can be given up."""

    async def discard(self) -> None: ...


HEAD_START = 0.004  # seconds for what is waited for to get under way, before something is made beside it

T = TypeVar("T", bound=Discardable)


class Ahead(Generic[T]):
    """Makes one thing ready in the background. Leaving the block gives up what nobody took."""

    def __init__(self, make: Callable[[], Awaitable[T | None]]) -> None:
        self._make = make
        self._task: asyncio.Task[T | None] | None = None

    def begin(self, *, after: float = 0.0) -> None:
        """Start making it, `after` so many seconds; saying it again changes nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(after))

    async def _run(self, after: float) -> T | None:
        await asyncio.sleep(after)
        return await self._make()

    async def take(self) -> T | None:
        """What was made, or None when there is nothing: then it is made when it is needed."""
        task, self._task = self._task, None
        if task is None:
            return None
        try:
            return await task
        except (FabrikError, OSError):  # the same trouble, if it lasts, is met again where it counts
            return None

    async def discard(self) -> None:
        """Give up what nobody took."""
        made = await self.take()
        if made is not None:
            with suppress(FabrikError, OSError):
                await made.discard()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.discard()
