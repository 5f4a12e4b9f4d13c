"""The gateway of one run: doors for its steps, one account, one HTTP client.

It lives in the run's worker process. Nothing heavy is loaded before a session first speaks to a door: a run
whose agent needs no model pays for two unix sockets a step, and no more.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from fabrik.gateway import sockets
from fabrik.gateway.account import Account
from fabrik.gateway.allowlist import Allowlist
from fabrik.gateway.door import Door
from fabrik.gateway.records import Records
from fabrik.gateway.sightings import Sightings
from fabrik.gateway.types import Budget, DoorPaths, GatewayConfig, OnCall, OnCallStarted, OnEgress
from fabrik.redaction import Redactor
from fabrik.usage import Usage

if TYPE_CHECKING:
    from fabrik.gateway.upstream import Client


class Gateway:
    """Doors for the steps of a run.

    directory: where the sockets live, of this run alone, with a short path (fabrik.paths.doors_directory).
    on_call_started is awaited before a call's request goes out, on_call after its end, on_egress at the first
    request of a step to a host. What they raise ends the door's calls and is raised when the door closes.
    """

    def __init__(
        self,
        config: GatewayConfig,
        *,
        directory: Path,
        on_call_started: OnCallStarted,
        on_call: OnCall,
        on_egress: OnEgress,
    ) -> None:
        """Raises UsageError for names in config.allow that are none."""
        self._config = config
        self._directory = directory
        self._on_call_started = on_call_started
        self._on_call = on_call
        self._on_egress = on_egress
        self._account = Account(config.budget, config.spent, config.floor)
        self._allowlist = Allowlist.parse(config.allow)
        self._redactor = Redactor(upstream.key for upstream in config.upstreams.values())
        self._numbers = itertools.count(config.calls_started + 1)
        self._names = itertools.count(1)
        self._doors: set[Door] = set()
        self._client: Client | None = None

    @property
    def spent(self) -> Usage:
        """What the run has used, with what it had used before this gateway; calls under way are not in it."""
        return self._account.spent

    @property
    def remaining(self) -> Budget:
        """What the run may still use. None: unbounded."""
        return self._account.remaining

    async def __aenter__(self) -> Gateway:
        """Make the directory and remove the sockets that a crashed worker left.

        Raises EnvironmentProblem when the directory cannot be used or belongs to somebody else.
        """
        sockets.prepare(self._directory)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close what is open: calls in flight are recorded as cut."""
        for door in list(self._doors):
            await door.close()
        if self._client is not None:
            await self._client.close()
        sockets.remove(self._directory)

    @contextlib.asynccontextmanager
    async def door(self, step: str, *, egress: bool = True) -> AsyncIterator[DoorPaths]:
        """Two sockets for a step. Who speaks on them is this step, whatever it says.

        egress: the proxy lets the allowed names through; otherwise it refuses all of them.
        When the door closes, what is open on it is cut, its calls are recorded, and the sockets are gone.
        Raises EnvironmentProblem when the sockets cannot be made; at the end, what the callbacks raised.
        """
        records = Records(self._numbers, self._on_call_started, self._on_call)
        sightings = Sightings(step, self._on_egress)
        door = Door(
            step=step,
            config=self._config,
            paths=sockets.paths(self._directory, next(self._names)),
            account=self._account,
            allowlist=self._allowlist if egress else Allowlist.parse(()),
            redactor=self._redactor,
            records=records,
            sightings=sightings,
            client=self._upstream_client,
        )
        await door.open()
        self._doors.add(door)
        try:
            yield door.paths
        finally:
            await door.close()
            self._doors.discard(door)
        if failure := records.failure or sightings.failure:
            raise failure

    def _upstream_client(self) -> Client:
        if self._client is None:
            from fabrik.gateway.upstream import Client, Limits

            self._client = Client(
                Limits(
                    retries=self._config.retries,
                    connect_seconds=self._config.connect_seconds,
                    idle_seconds=self._config.idle_seconds,
                    backoff_seconds=self._config.backoff_seconds,
                )
            )
        return self._client
