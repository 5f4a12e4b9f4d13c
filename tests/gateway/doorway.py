"""A real proxy door with raw clients, for the tests of what gets through it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from gateway_kit import House, gateway


@contextlib.asynccontextmanager
async def proxy(*allow: str, idle: float = 600, head: float = 30) -> AsyncIterator[tuple[House, Path]]:
    """The proxy door of a step."""
    async with (
        gateway(
            config=lambda config: replace(
                config, allow=allow, idle_seconds=idle, head_seconds=head, connect_seconds=5.0
            )
        ) as house,
        house.gateway.door("check#1") as paths,
    ):
        yield house, paths.proxy


async def talk(door: Path, request: bytes) -> bytes:
    """All that comes back for a request, until the door closes."""
    reader, writer = await asyncio.open_unix_connection(str(door))
    answer = b""
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(request)
            async with asyncio.timeout(20):
                while data := await reader.read(65536):
                    answer += data
    finally:
        writer.transport.abort()
    return answer


@dataclass(kw_only=True)
class Heard:
    """A server that keeps what it hears."""

    port: int = 0
    data: bytearray = field(default_factory=bytearray)
    connections: int = 0


@contextlib.asynccontextmanager
async def listening(host: str = "127.0.0.1", port: int = 0, answer: bytes = b"") -> AsyncIterator[Heard]:
    """Such a server. answer: sent after the first bytes of a connection."""
    heard = Heard()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.connections += 1
        said = False
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                heard.data += data
                if answer and not said:
                    said = True
                    writer.write(answer)
                    await writer.drain()
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, host, port)
    heard.port = server.sockets[0].getsockname()[1]
    try:
        yield heard
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
