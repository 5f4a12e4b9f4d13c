"""Tells the ledger where a step wanted to go: each place once, not each of 500 requests."""

from __future__ import annotations

import asyncio

from fabrik.gateway.types import EgressDecision, OnEgress

MOST = 500  # different decisions of each kind and door; who tries names by the thousand fills no ledger
FLOOD = 50  # refused requests, from which on the door tells at its end how many there were
_Key = tuple[str, int, bool, str]


class Sightings:
    """The decisions of one door. What was refused in plenty hides nothing that was allowed."""

    def __init__(self, step: str, on_egress: OnEgress) -> None:
        self.failure: Exception | None = None  # the first error of the ledger
        self._step = step
        self._on_egress = on_egress
        self._seen: set[_Key] = set()
        self._listed = {True: 0, False: 0}  # events, by whether something was allowed
        self._refusals = 0  # requests
        self._writing: set[asyncio.Task[None]] = set()

    async def allowed(self, host: str, port: int, why: str) -> None:
        """Record that a request may go on; waits until it is recorded."""
        await self._recorded(self._note(host, port, True, why))

    async def refused(self, host: str, port: int, why: str) -> None:
        """Record that a request goes nowhere; waits until it is recorded. Port 0: it named none."""
        self._refusals += 1
        await self._recorded(self._note(host, port, False, why))

    def turned_away(self, why: str) -> None:
        """Record, when there is time, that a connection was closed before it could ask for anything."""
        self._refusals += 1
        self._note("*", 0, False, why)

    async def written(self) -> None:
        """Wait until all decisions are recorded, and how often something was refused if that says more."""
        if self._refusals >= max(FLOOD, self._listed[False] + 1):
            why = f"{self._refusals} requests and connections in all"
            self._refusals = 0
            self._start(EgressDecision(step=self._step, host="*", port=0, allowed=False, why=why))
        while self._writing:
            await asyncio.wait(self._writing)

    def _note(self, host: str, port: int, allowed: bool, why: str) -> asyncio.Task[None] | None:
        key = (host, port, allowed, why)
        if key in self._seen or self._listed[allowed] > MOST:
            return None
        self._listed[allowed] += 1
        if self._listed[allowed] > MOST:
            host, port, why = "*", 0, f"more than {MOST} different places; no more are listed"
        else:
            self._seen.add(key)
        return self._start(EgressDecision(step=self._step, host=host, port=port, allowed=allowed, why=why))

    async def _recorded(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            await asyncio.shield(task)

    def _start(self, decision: EgressDecision) -> asyncio.Task[None]:
        task = asyncio.create_task(self._write(decision))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def _write(self, decision: EgressDecision) -> None:
        try:
            await self._on_egress(decision)
        except Exception as failure:  # noqa: BLE001 -- raised when the door closes
            self.failure = self.failure or failure
