"""A command that waits for its word to start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping


class NotWanted(Exception):
    """The command was given up before it began."""


class StartAnew(Exception):
    """What was held cannot be the command: it is gone, or cannot take what came with the word."""


class Held:
    """Holds one command until it is released or stopped."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()  # end it, or never begin it
        self.holding = asyncio.Event()  # all is ready, only the word is missing
        self.files: Mapping[str, bytes] = {}  # for HOME, besides those it was made with
        self.env: Mapping[str, str] = {}  # variables besides those it was made with
        self.since = time.monotonic()  # when the word came
        self._go = asyncio.Event()

    @property
    def said(self) -> bool:
        """Whether the word was said."""
        return self._go.is_set()

    def release(self, files: Mapping[str, bytes] | None = None, env: Mapping[str, str] | None = None) -> None:
        """Say the word."""
        self.files, self.env = files or {}, env or {}
        self.since = time.monotonic()
        self._go.set()

    async def wait(self) -> None:
        """Wait for the word. Raises NotWanted when there will be none."""
        self.holding.set()
        if not self._go.is_set():
            words = [asyncio.create_task(event.wait()) for event in (self._go, self.stop)]
            try:
                await asyncio.wait(words, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for word in words:
                    word.cancel()
        if not self._go.is_set():
            raise NotWanted
