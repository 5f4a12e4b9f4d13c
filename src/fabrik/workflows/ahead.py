"""A command that is made ready while something else runs, because its start is waited for afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self

from fabrik.errors import FabrikError
from fabrik.sandboxes.sandbox import Prepared


class Ahead:
    """Prepares one command in the background. Leaving the block gives up what nobody took."""

    def __init__(self, prepare: Callable[[], Awaitable[Prepared | None]]) -> None:
        self._prepare = prepare
        self._task: asyncio.Task[Prepared | None] | None = None

    def begin(self) -> None:
        """Start preparing; saying it again changes nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> Prepared | None:
        return await self._prepare()

    async def take(self) -> Prepared | None:
        """The prepared command, or None when there is none: then it is run without preparation."""
        task, self._task = self._task, None
        if task is None:
            return None
        try:
            return await task
        except FabrikError:  # the same trouble, if it lasts, meets the command that is run instead
            return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(FabrikError):
            prepared = await task
            if prepared is not None:
                await prepared.discard()
