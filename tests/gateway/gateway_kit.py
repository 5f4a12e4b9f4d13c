"""What the gateway's tests share: a real HTTP server that plays a script, and a client for the doors."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import httpx

from fabrik.gateway.gateway import Gateway
from fabrik.gateway.types import Budget, EgressDecision, GatewayConfig, Upstream
from fabrik.usage import ModelCall, Vendor, WireProtocol

KEY = "sk-real-CANARY-0123456789abcdef"
STEP = "task/1/implement#1"


class Cut:
    """Break the connection off here."""


Part = bytes | asyncio.Event | Cut


@dataclass(kw_only=True)
class Reply:
    """One answer: parts are sent one by one; an event is waited for."""

    status: int = 200
    headers: Sequence[tuple[str, str]] = (("content-type", "application/json"),)
    parts: Sequence[Part] = (b"{}",)


@dataclass(kw_only=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


@dataclass(kw_only=True)
class Server:
    """A scripted HTTP server. The last reply is repeated."""

    replies: list[Reply] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    cut_seen: asyncio.Event = field(default_factory=asyncio.Event)  # a client left in the middle of an answer
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h11.Connection(h11.SERVER)
        try:
            while True:
                head, body = await _request(http, reader)
                if head is None:
                    return
                self.seen.append(
                    Seen(
                        method=head.method.decode(),
                        target=head.target.decode(),
                        headers=[(name.decode(), value.decode()) for name, value in head.headers],
                        body=body,
                    )
                )
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                if not await self._play(http, reader, writer, reply):
                    return
                http.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError):
            self.cut_seen.set()
        finally:
            writer.transport.abort()

    async def _play(
        self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reply: Reply
    ) -> bool:
        writer.write(http.send(h11.Response(status_code=reply.status, headers=list(reply.headers))) or b"")
        for part in reply.parts:
            if isinstance(part, Cut):
                return False
            if isinstance(part, asyncio.Event):
                waiting = asyncio.ensure_future(part.wait())
                leaving = asyncio.ensure_future(reader.read(1))
                done, _ = await asyncio.wait((waiting, leaving), return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                leaving.cancel()
                await asyncio.gather(waiting, leaving, return_exceptions=True)
                if waiting not in done:
                    self.cut_seen.set()
                    return False
                continue
            writer.write(http.send(h11.Data(data=part)) or b"")
            await writer.drain()
        writer.write(http.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        return True


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request | None, bytes]:
    head: h11.Request | None = None
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return head, body
        else:
            return None, b""


@contextlib.asynccontextmanager
async def serving(*replies: Reply) -> AsyncIterator[Server]:
    """A scripted server on loopback."""
    script = Server(replies=list(replies) or [Reply()])
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(script.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(kw_only=True)
class Ledger:
    """What the gateway reported, in order."""

    started: list[tuple[int, str, WireProtocol, str | None]] = field(default_factory=list)
    calls: list[ModelCall] = field(default_factory=list)
    egress: list[EgressDecision] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    async def on_call_started(self, call: int, step: str, protocol: WireProtocol, model: str | None) -> None:
        await asyncio.sleep(0)
        self.started.append((call, step, protocol, model))
        self.order.append(f"start {call}")

    async def on_call(self, call: ModelCall) -> None:
        await asyncio.sleep(0)
        self.calls.append(call)
        self.order.append(f"end {call.id}")

    async def on_egress(self, decision: EgressDecision) -> None:
        await asyncio.sleep(0)
        self.egress.append(decision)


def upstreams(url: str, key: str | None = KEY) -> dict[Vendor, Upstream]:
    return {
        "anthropic": Upstream(base_url=url, key=key),
        "openai": Upstream(base_url=f"{url}/v1", key=key),
        "gemini": Upstream(base_url=url, key=key),
    }


@dataclass(kw_only=True)
class House:
    """A gateway with its ledger, and a client on the models door of step `s`."""

    gateway: Gateway
    ledger: Ledger
    directory: Path


@contextlib.asynccontextmanager
async def gateway(
    url: str = "http://127.0.0.1:9",
    *,
    key: str | None = KEY,
    budget: Budget | None = None,
    config: Callable[[GatewayConfig], GatewayConfig] = lambda config: config,
) -> AsyncIterator[House]:
    """An open gateway to this upstream."""
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="gw") as place:
        directory = Path(place) / "d"
        settings = config(
            GatewayConfig(upstreams=upstreams(url, key), budget=budget or Budget(), backoff_seconds=0.01)
        )
        async with Gateway(
            settings,
            directory=directory,
            on_call_started=ledger.on_call_started,
            on_call=ledger.on_call,
            on_egress=ledger.on_egress,
        ) as opened:
            yield House(gateway=opened, ledger=ledger, directory=directory)


def client(socket: Path) -> httpx.AsyncClient:
    """An HTTP client on a unix socket."""
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(uds=str(socket)), base_url="http://door", timeout=20
    )


@contextlib.asynccontextmanager
async def session(house: House, step: str = STEP) -> AsyncIterator[httpx.AsyncClient]:
    """A door, and a client on it."""
    async with house.gateway.door(step) as paths, client(paths.models) as http:
        yield http


def run(main: Coroutine[Any, Any, None], seconds: float = 60) -> None:
    """Run a test's coroutine, with a deadline."""
    asyncio.run(asyncio.wait_for(main, seconds))


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
