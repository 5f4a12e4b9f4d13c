"""Tells the ledger where a step wanted to go: each place once, not each of 500 requests."""

from __future__ import annotations

import asyncio

from fabrik.gateway.types import EgressDecision, OnEgress

MOST = 500  # different decisions of one door; an agent that tries names by the thousand fills no ledger


class Sightings:
    """The decisions of one door."""

    def __init__(self, step: str, on_egress: OnEgress) -> None:
        self.failure: Exception | None = None  # the first error of the ledger
        self._step = step
        self._on_egress = on_egress
        self._seen: set[tuple[str, int, bool]] = set()
        self._writing: set[asyncio.Task[None]] = set()

    async def note(self, *, host: str, port: int, allowed: bool, why: str) -> None:
        """Record a decision if it is the first of its kind; waits until it is recorded."""
        key = (host, port, allowed)
        if key in self._seen or len(self._seen) > MOST:
            return
        self._seen.add(key)
        if len(self._seen) > MOST:
            host, port, allowed, why = "*", 0, False, f"more than {MOST} different places; no more are listed"
        decision = EgressDecision(step=self._step, host=host, port=port, allowed=allowed, why=why)
        task = asyncio.create_task(self._write(decision))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        await asyncio.shield(task)

    async def written(self) -> None:
        """Wait until all decisions are recorded."""
        while self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, decision: EgressDecision) -> None:
        try:
            await self._on_egress(decision)
        except Exception as failure:  # noqa: BLE001 -- raised when the door closes
            self.failure = self.failure or failure
