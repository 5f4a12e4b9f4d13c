"""The host's side of the attacks on the network: servers that must hear nothing, and a gateway."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from attack import Stage

from fabrik.gateway.gateway import Gateway
from fabrik.gateway.types import EgressDecision, GatewayConfig
from fabrik.sandboxes.sandbox import Doors

ELSEWHERE = (
    b"HTTP/1.1 302 Found\r\nlocation: http://localhost:%d/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
FINE = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nALLOWED"


@dataclass
class Net:
    """What the gateway told, and its other step's door."""

    egress: list[EgressDecision] = field(default_factory=list)
    other: Path = Path()

    def refused(self) -> list[EgressDecision]:
        return [decision for decision in self.egress if not decision.allowed]


async def open_network(stage: Stage) -> None:
    """Listen on everything that a way out could lead to."""
    forbidden = await _tcp(stage, "forbidden")
    await _unix(stage, str(stage.host / "socket"), "a socket in a file")
    await _unix(stage, f"\0fabrik-escape-{stage.mark}", "an abstract socket")
    stage.knows |= {
        "FORBIDDEN": str(forbidden),
        "UDP": str(await _udp(stage)),
        "SOCKET": str(stage.host / "socket"),
        "ABSTRACT": f"fabrik-escape-{stage.mark}",
        "ADDRESS": _own_address(),
    }


async def open_gateway(stage: Stage) -> None:
    """The same, and the doors of a step, whose proxy leads to one server that may be reached."""
    await open_network(stage)
    allowed = await _allowed(stage)
    net = Net()
    stage.net = net

    async def on_egress(decision: EgressDecision) -> None:
        net.egress.append(decision)

    async def nothing(*_: object) -> None:
        pass

    place = Path(tempfile.mkdtemp(prefix="fd-"))
    stage.closing.callback(shutil.rmtree, place, ignore_errors=True)
    gateway = await stage.closing.enter_async_context(
        Gateway(
            GatewayConfig(upstreams={}, allow=(f"localhost:{allowed}",)),
            directory=place / "d",
            on_call_started=nothing,
            on_call=nothing,
            on_egress=on_egress,
        )
    )
    door = await stage.closing.enter_async_context(gateway.door("attacked#1"))
    other = await stage.closing.enter_async_context(gateway.door("other#1"))
    net.other = other.proxy
    stage.doors = Doors(models=door.models, proxy=door.proxy)
    stage.knows |= {
        "ALLOWED": str(allowed),
        "PROXY": stage.box.endpoints.proxy.rpartition(":")[2],
        "MODELS": stage.box.endpoints.models.rpartition(":")[2],
        "DOOR": str(other.proxy),
        "http_proxy": stage.box.endpoints.proxy,
    }


async def open_gateway_but_no_door(stage: Stage) -> None:
    """As for a check: the run's gateway is there, and this command has no door to it."""
    await open_gateway(stage)
    stage.doors = None


async def _tcp(stage: Stage, name: str) -> int:
    def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage.heard.append(f"a connection to {name}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nDONE")
        writer.close()

    server = await asyncio.start_server(heard, ["0.0.0.0", "::"] if socket.has_ipv6 else "0.0.0.0", _free())
    stage.closing.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


def _free() -> int:
    """A port that is free for both families."""
    with socket.socket(socket.AF_INET6 if socket.has_ipv6 else socket.AF_INET) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


async def _allowed(stage: Stage) -> int:
    """A server that may be reached. It sends who asks for /elsewhere to one that may not."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            first = await reader.read(65536)
            if b"evil" in first.lower():
                stage.heard.append(f"it was taken for another server: {first[:200]!r}")
            away = first.split(b" ", 2)[1:2] == [b"/elsewhere"]
            writer.write(ELSEWHERE % int(stage.knows["FORBIDDEN"]) if away else FINE)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    stage.closing.callback(server.close)
    return int(server.sockets[0].getsockname()[1])


async def _unix(stage: Stage, path: str, name: str) -> None:
    def heard(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage.heard.append(f"a connection to {name}")
        writer.close()

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    if not path.startswith("\0"):
        Path(path).chmod(0o777)
    server = await asyncio.start_unix_server(heard, sock=listener)
    stage.closing.callback(server.close)


async def _udp(stage: Stage) -> int:
    class Ear(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            stage.heard.append(f"a datagram: {data[:50]!r}")

    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("", 0))
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, sock=listener)
    stage.closing.callback(transport.close)
    return int(listener.getsockname()[1])


def _own_address() -> str:
    """An address of this machine that is not loopback, where there is one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
