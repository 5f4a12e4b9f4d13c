"""The door of one step: two listening sockets, and the connections on them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fabrik.errors import EnvironmentProblem
from fabrik.gateway import sockets
from fabrik.gateway.account import Account
from fabrik.gateway.allowlist import Allowlist
from fabrik.gateway.patience import Patience
from fabrik.gateway.records import Records
from fabrik.gateway.sightings import Sightings
from fabrik.gateway.types import DoorPaths, GatewayConfig
from fabrik.redaction import Redactor

if TYPE_CHECKING:
    from fabrik.gateway.http1 import Exchange
    from fabrik.gateway.upstream import Client

MOST_CONNECTIONS = 256  # on each socket; one more is closed at once

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


class Door:
    """What one step reaches."""

    def __init__(
        self,
        *,
        step: str,
        config: GatewayConfig,
        paths: DoorPaths,
        account: Account,
        allowlist: Allowlist,
        redactor: Redactor,
        records: Records,
        sightings: Sightings,
        client: Callable[[], Client],
    ) -> None:
        self.paths = paths
        self._step = step
        self._config = config
        self._account = account
        self._allowlist = allowlist
        self._redactor = redactor
        self._records = records
        self._sightings = sightings
        self._client = client
        self._patience = Patience()
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._closing = False

    async def open(self) -> None:
        """Make the sockets.

        Raises EnvironmentProblem.
        """
        try:
            await self._listen(self.paths.models.name, self._models, lambda: None)
            await self._listen(self.paths.proxy.name, self._proxy, self._crowded)
        except OSError as error:
            await self.close()
            raise EnvironmentProblem(
                f"the gateway's sockets cannot be made: {error.strerror}", where=str(self.paths.models.parent)
            ) from None

    async def close(self) -> None:
        """Cut what is open, wait for its records, remove the sockets. Closing twice does nothing."""
        self._closing = True
        for server in self._servers:
            server.close()
        self._servers.clear()
        for connection in self._connections:
            connection.cancel()
        while self._connections:
            await asyncio.wait(self._connections)
        await self._records.written()
        await self._sightings.written()
        for path in (self.paths.models, self.paths.proxy):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()

    async def _listen(self, name: str, serve: Serve, crowded: Callable[[], None]) -> None:
        open_now: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._closing or len(open_now) >= MOST_CONNECTIONS:
                writer.transport.abort()
                if not self._closing:
                    crowded()
                return
            task = asyncio.ensure_future(_guarded(serve(reader, writer), writer))
            for place in (open_now, self._connections):
                place.add(task)
                task.add_done_callback(place.discard)

        listener = sockets.listen(self.paths.models.parent / name)
        self._servers.append(await asyncio.start_unix_server(accept, sock=listener))

    async def _models(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from fabrik.gateway.calls import Calls
        from fabrik.gateway.models_door import ModelsDoor

        calls = Calls(
            client=self._client(),
            account=self._account,
            records=self._records,
            redactor=self._redactor,
            patience=self._patience,
        )
        door = ModelsDoor(step=self._step, upstreams=self._config.upstreams, calls=calls)
        await door.connection(self._exchange(reader, writer))

    async def _proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from fabrik.gateway.proxy import Proxy

        proxy = Proxy(
            allowlist=self._allowlist,
            sightings=self._sightings,
            connect_seconds=self._config.connect_seconds,
            idle_seconds=self._config.idle_seconds,
            head_seconds=self._config.head_seconds,
        )
        await proxy.connection(self._exchange(reader, writer))

    def _crowded(self) -> None:
        self._sightings.turned_away(f"more than {MOST_CONNECTIONS} connections at once")

    def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Exchange:
        from fabrik.gateway.http1 import Exchange

        return Exchange(
            reader,
            writer,
            idle_seconds=self._config.idle_seconds,
            head_seconds=self._config.head_seconds,
        )


async def _guarded(serving: Coroutine[Any, Any, None], writer: asyncio.StreamWriter) -> None:
    """Whatever happens on a connection, it is closed, and nothing of it reaches a log unasked."""
    try:
        await serving
    finally:
        writer.transport.abort()
