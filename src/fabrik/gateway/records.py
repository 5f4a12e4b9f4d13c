"""Hands a door's calls to the ledger: each start before its request goes out, each end after its start.

A cancelled call is still recorded: the records are tasks of their own, which the door waits for when it
closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from fabrik.gateway.types import OnCall, OnCallStarted
from fabrik.usage import ModelCall, WireProtocol


class NotRecorded(Exception):
    """The ledger does not take records; no further call is let through."""


class Records:
    """The records of one door."""

    def __init__(self, numbers: Iterator[int], on_call_started: OnCallStarted, on_call: OnCall) -> None:
        self.failure: Exception | None = None  # the first error of the ledger
        self._numbers = numbers
        self._on_call_started = on_call_started
        self._on_call = on_call
        self._starts: dict[int, asyncio.Task[None]] = {}
        self._ends: set[asyncio.Task[None]] = set()

    def next_id(self) -> int:
        return next(self._numbers)

    async def started(self, call: int, step: str, protocol: WireProtocol, model: str | None) -> None:
        """Record that a call starts.

        Raises NotRecorded.
        """
        if self.failure is not None:
            raise NotRecorded
        task = asyncio.create_task(self._start(call, step, protocol, model))
        self._starts[call] = task
        await asyncio.shield(task)

    def ended(self, call: ModelCall) -> None:
        """Record how a call ended, in the background."""
        task = asyncio.create_task(self._end(call))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    async def written(self) -> None:
        """Wait until all that ended is recorded."""
        while self._ends:
            await asyncio.wait(self._ends)

    async def _start(self, call: int, step: str, protocol: WireProtocol, model: str | None) -> None:
        try:
            await self._on_call_started(call, step, protocol, model)
        except Exception as failure:
            self.failure = self.failure or failure
            raise NotRecorded from failure

    async def _end(self, call: ModelCall) -> None:
        start = self._starts.pop(call.id, None)
        if start is None:
            return
        try:
            await start
            await self._on_call(call)
        except NotRecorded:
            return
        except Exception as failure:  # noqa: BLE001 -- raised when the door closes
            self.failure = self.failure or failure
