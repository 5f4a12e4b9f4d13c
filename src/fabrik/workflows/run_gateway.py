"""The gateway of a run: started at its first session, because many steps never need it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from fabrik.paths import doors_directory
from fabrik.usage import Vendor, known_parts
from fabrik.workflows.context import RunContext, SealedLimits, SealedUpstream
from fabrik.workflows.known_secrets import host_environment

if TYPE_CHECKING:
    from fabrik.gateway.gateway import Gateway
    from fabrik.gateway.types import Budget, DoorPaths, EgressDecision, GatewayConfig, Upstream
    from fabrik.ledger.journal import Journal
    from fabrik.ledger.store import Ledger
    from fabrik.ledger.types import Event


class RunGateway:
    """Opens doors for the steps of one run, each metered under its step's key."""

    def __init__(self, run: str, context: RunContext, ledger: Ledger, journal: Journal) -> None:
        self._run = run
        self._context = context
        self._ledger = ledger
        self._journal = journal
        self._gateway: Gateway | None = None
        self._starting = asyncio.Lock()

    @asynccontextmanager
    async def door(self, step: str, *, egress: bool = True) -> AsyncIterator[DoorPaths]:
        """The two doors of one step, open while the block runs. egress: allowed hosts are reached, too."""
        async with self._starting:  # reviewers of a round may all be the first
            if self._gateway is None:
                self._gateway = await self._start().__aenter__()
        async with self._gateway.door(step, egress=egress) as paths:
            yield paths

    async def close(self) -> None:
        """Close what is open; calls under way are recorded as cut. Removes what a killed worker left, too."""
        if self._gateway is not None:
            await self._gateway.__aexit__(None, None, None)
        shutil.rmtree(doors_directory(self._run), ignore_errors=True)

    def _start(self) -> Gateway:
        from fabrik.gateway.gateway import Gateway

        return Gateway(
            self._config(),
            directory=doors_directory(self._run),
            on_call_started=self._journal.call_started,
            on_call=self._journal.call_finished,
            on_egress=self._egress,
        )

    def _config(self) -> GatewayConfig:
        from fabrik.gateway.types import GatewayConfig

        limits = self._context.limits
        calls = self._ledger.model_calls(self._run)
        return GatewayConfig(
            upstreams=upstreams(self._context.upstreams),
            allow=self._context.allow,
            budget=budget_of(limits, self._ledger.events(self._run)),
            spent=self._ledger.usage(self._run),
            floor=known_parts(call.usage for call in calls),
            calls_started=self._ledger.calls_started(self._run),
        )

    async def _egress(self, decision: EgressDecision) -> None:
        kind = "egress.allowed" if decision.allowed else "egress.refused"
        await self._journal.event(
            kind, step=decision.step, host=decision.host, port=decision.port, why=decision.why
        )


def budget_of(limits: SealedLimits, events: Iterable[Event]) -> Budget:
    """The run's budget: as dispatched, or as a human has set it since."""
    from fabrik.gateway.types import Budget

    usd, tokens = limits.budget_usd, limits.budget_tokens
    for event in events:
        if event.kind == "run.budget":
            usd = event.data["usd"] if event.data["usd"] is not None else usd
            tokens = event.data["tokens"] if event.data["tokens"] is not None else tokens
    return Budget(usd=usd, tokens=tokens, calls=limits.budget_calls)


def upstreams(chosen: Mapping[str, SealedUpstream]) -> Mapping[Vendor, Upstream]:
    """Where each vendor's API is and the key for it: from this process's environment, else from ralph.env.

    Raises UsageError when an address of the environment cannot be used.
    """
    from fabrik.gateway.hosts import upstreams_from_environment
    from fabrik.gateway.types import UpstreamSettings

    return upstreams_from_environment(
        host_environment(),
        {
            cast(Vendor, vendor): UpstreamSettings(base_url=said.base_url, key_env=said.key_env)
            for vendor, said in chosen.items()
        },
    )
