"""One HTTP exchange, down to the connection: what an ASGI application cannot do alone is to break it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT = "model_server.transport"


class OpenConnection(H11Protocol):
    """uvicorn's HTTP/1.1, with the transport in each request's scope."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As in uvicorn."""
        self.app_state = {**self.app_state, TRANSPORT: transport}
        super().connection_made(transport)


class ClientLeft(Exception):
    """The client closed the connection before it had its answer."""


class Exchange:
    """The answering side of a request whose body has been read."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transport: asyncio.Transport = scope["state"][TRANSPORT]
        self._send = send
        self._gone: asyncio.Task[Message] = asyncio.ensure_future(_as_coroutine(receive))

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers. Raises ClientLeft."""
        self._check()
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def data(self, block: bytes) -> None:
        """Send a part of the body at once. Raises ClientLeft."""
        await asyncio.sleep(0)  # lets the loop see a client that has gone
        self._check()
        await self._send({"type": "http.response.body", "body": block, "more_body": True})

    async def end(self) -> None:
        """End the body."""
        await self._send({"type": "http.response.body", "body": b""})

    async def abort(self) -> None:
        """Break the connection; what was sent before still arrives."""
        self._transport.abort()
        await self._gone

    async def wait(self, released: asyncio.Event) -> None:
        """Wait for the event. Raises ClientLeft when the client goes first."""
        release = asyncio.ensure_future(released.wait())
        await asyncio.wait((release, self._gone), return_when=asyncio.FIRST_COMPLETED)
        if not release.done():
            release.cancel()
        self._check()

    async def close(self) -> None:
        """Let go of the watch over the client."""
        self._gone.cancel()
        await asyncio.gather(self._gone, return_exceptions=True)

    def _check(self) -> None:
        if self._gone.done():
            raise ClientLeft


async def _as_coroutine(receive: Receive) -> Message:
    return await receive()
