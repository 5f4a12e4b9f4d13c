"""Tunnels of the real proxy door: the name that TLS asks for, what else is said first, and rebinding."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from doorway import Heard, listening, proxy, talk
from gateway_kit import Ledger, run, serving, until
from hellos import hello, in_records, server_name, with_extension

from fabrik.gateway.addresses import IPAddress
from fabrik.gateway.allowlist import Allowlist
from fabrik.gateway.http1 import Exchange
from fabrik.gateway.proxy import Proxy
from fabrik.gateway.sightings import Sightings
from fabrik.gateway.tunnels import ALERT

OK = b"HTTP/1.1 200 \r\n\r\n"
RIGHT = hello("localhost")


async def through(door: Path, target: str, *parts: bytes, early: bytes = b"") -> bytes:
    """What comes back through a tunnel for these bytes, sent one after the other."""
    reader, writer = await asyncio.open_unix_connection(str(door))
    back = b""
    try:
        writer.write(f"CONNECT {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode() + early)
        async with asyncio.timeout(20):
            assert await reader.readuntil(b"\r\n\r\n") == OK
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if writer.can_write_eof():
                    writer.write_eof()
                while data := await reader.read(65536):
                    back += data
    finally:
        writer.transport.abort()
    return back


REFUSED = {
    "another server": (hello("evil.example"), "asks for another server, evil.example"),
    "a server below": (hello("x.localhost"), "asks for another server, x.localhost"),
    "no server": (hello(None), "names no server"),
    "a hidden server": (with_extension(RIGHT, 0xFE0D, b"\0" * 60), "hides the server's name"),
    "two servers": (
        with_extension(hello(None), 0, server_name(b"localhost", b"evil.example")),
        "its TLS is broken",
    ),
    "in many records": (in_records(hello("evil.example"), 9), "asks for another server, evil.example"),
    "broken": (b"\x16\x03\x01\x00\x00", "its TLS is broken"),
    "half": (RIGHT[:50], "its TLS is broken"),
    "escapes": (
        with_extension(hello(None), 0, server_name(b"\x1b[2Jevil\r\n")),
        "asks for another server, ?[2jevil??",
    ),
}


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("case", sorted(REFUSED))
def test_tls_for_another_server_does_not_go_out(case: str, early: bool) -> None:
    """Domain fronting: the tunnel is to an allowed name, the TLS in it to another one on the same machine."""
    message, why = REFUSED[case]

    async def main() -> None:
        async with listening() as heard, proxy(f"localhost:{heard.port}") as (house, door):
            target = f"localhost:{heard.port}"
            if early:
                back = await through(door, target, early=message)
            else:
                back = await through(door, target, message[:3], message[3:20], message[20:])
            assert back == ALERT
            assert bytes(heard.data) == b""
            told = house.ledger.egress
            assert [(decision.host, decision.allowed) for decision in told] == [
                ("localhost", True),
                ("localhost", False),
            ]
            assert why in told[1].why

    run(main())


@pytest.mark.parametrize(
    "message",
    [RIGHT, hello("LOCALHOST"), in_records(RIGHT, 50), b"SSH-2.0-client\r\n", b"\x15\x03", b"\x00" * 9],
    ids=["plain", "upper case", "in records", "ssh", "an alert", "anything"],
)
def test_tls_for_the_very_server_goes_out_as_it_is(message: bytes) -> None:
    """As does what is not TLS, on a port that the list names."""

    async def main() -> None:
        async with (
            listening(answer=b"hello") as heard,
            proxy(f"localhost:{heard.port}", f"127.0.0.1:{heard.port}") as (house, door),
        ):
            assert await through(door, f"LocalHost.:{heard.port}", message[:1], message[1:]) == b"hello"
            assert bytes(heard.data) == message
            assert [decision.allowed for decision in house.ledger.egress] == [True]
            heard.data.clear()
            other = hello("any.example")
            assert await through(door, f"127.0.0.1:{heard.port}", other) == b"hello"  # named by its address
            assert bytes(heard.data) == other

    run(main())


def test_tls_that_does_not_begin_in_time_is_cut() -> None:
    async def main() -> None:
        async with listening() as heard, proxy(f"localhost:{heard.port}", head=0.2) as (house, door):
            reader, writer = await asyncio.open_unix_connection(str(door))
            writer.write(f"CONNECT localhost:{heard.port} HTTP/1.1\r\nhost: x\r\n\r\n".encode() + RIGHT[:9])
            async with asyncio.timeout(20):
                assert await reader.read() == OK + ALERT
            writer.transport.abort()
            assert house.ledger.egress[-1].why == "its TLS does not begin in time"
            assert bytes(heard.data) == b""

    run(main())


def test_a_server_that_speaks_first_is_heard() -> None:
    async def main() -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 ready\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, proxy(f"localhost:{port}") as (_, door):
            assert await talk(door, f"CONNECT localhost:{port} HTTP/1.1\r\nhost: x\r\n\r\n".encode()) == (
                OK + b"220 ready\r\n"
            )

    run(main())


@contextlib.asynccontextmanager
async def resolving(
    hosts: dict[str, list[str]], *allow: str
) -> AsyncIterator[tuple[Path, Ledger, list[str]]]:
    """A proxy on a machine whose resolver knows these hosts. Also: each question that it was asked."""
    ledger, asked = Ledger(), []

    async def resolve(host: str) -> list[IPAddress]:
        asked.append(host)
        if host not in hosts:
            raise OSError
        return [ipaddress.ip_address(text) for text in hosts[host]]

    sightings = Sightings("check#1", ledger.on_egress)
    door = Proxy(
        allowlist=Allowlist.parse(allow),
        sightings=sightings,
        connect_seconds=5,
        idle_seconds=20,
        head_seconds=20,
        resolve=resolve,
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await door.connection(Exchange(reader, writer, idle_seconds=20))

    with tempfile.TemporaryDirectory(prefix="gw") as place:
        path = Path(place) / "p"
        server = await asyncio.start_unix_server(serve, path)
        try:
            yield path, ledger, asked
        finally:
            server.close()
            await sightings.written()


def test_a_name_that_changes_its_address_is_judged_by_the_one_that_is_used() -> None:
    async def main() -> None:
        async with serving() as server:
            port = server.port
            hosts = {"rebind.example": ["127.0.0.1"]}
            async with resolving(hosts, f"rebind.example:{port}", f"127.0.0.1:{port}") as (
                door,
                ledger,
                asked,
            ):
                request = (
                    f"GET http://rebind.example:{port}/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
                )
                assert (await talk(door, request.encode())).startswith(b"HTTP/1.1 200")
                assert asked == ["rebind.example"]  # once: a second answer could be another one
                for addresses, why in (
                    (["10.0.0.1"], b"private address 10.0.0.1"),
                    (["127.0.0.1", "169.254.169.254"], b"metadata"),
                    (["::ffff:169.254.169.254"], b"metadata"),
                    (["127.0.0.2"], b"loopback address 127.0.0.2"),
                    (["::1"], b"loopback address ::1"),
                    (["0.0.0.0"], b"no host"),
                    (["::ffff:127.0.0.1"], b"loopback"),
                    (["fd00::1"], b"private"),
                    (["fe80::1"], b"link-local"),
                    (["100.64.0.1"], b"private"),
                    (["224.0.0.1"], b"no host"),
                    (["2002:7f00:1::"], b"loopback"),
                    (["64:ff9b::a00:1"], b"private"),
                ):
                    hosts["rebind.example"] = addresses
                    answer = await talk(door, request.encode())
                    assert answer.startswith(b"HTTP/1.1 403")
                    assert why in answer
                assert len(server.seen) == 1
                assert {decision.host for decision in ledger.egress} == {"rebind.example"}

    run(main())


def test_a_name_that_is_not_known_is_told() -> None:
    async def main() -> None:
        async with resolving({}, "gone.example") as (door, ledger, _):
            answer = await talk(
                door, b"CONNECT gone.example:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            )
            assert answer.startswith(b"HTTP/1.1 502")
            assert [decision.allowed for decision in ledger.egress] == [False]

    run(main())


def test_no_name_is_asked_for_that_is_not_allowed() -> None:
    """Questions to the resolver would carry data out."""

    async def main() -> None:
        async with resolving({}, "fine.example", "*.fine.example:8443") as (door, _, asked):
            for host in (
                "secret.evil.example:443",
                "secret.fine.example:443",
                "fine.example:25",
                "metadata:80",
            ):
                await talk(door, f"CONNECT {host} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
            assert asked == []

    run(main())


USUAL = ("front.example", "127.77.0.0/16")  # the second: where front.example is
HOSTS = {"front.example": ["127.77.0.9"]}
root = pytest.mark.skipif(os.getuid() != 0, reason="needs root to listen on ports 80 and 443")
optional = pytest.mark.optional(reason="needs root to listen on ports 80 and 443")


@contextlib.asynccontextmanager
async def usual(port: int) -> AsyncIterator[tuple[Path, Ledger, Heard]]:
    async with (
        listening("127.77.0.9", port, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi") as heard,
        resolving(HOSTS, *USUAL) as (door, ledger, _),
    ):
        yield door, ledger, heard


@root
@optional
@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"SSH-2.0-x\r\n", "not TLS"),
        (b"GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n", "not TLS"),
        (b"\0", "not TLS"),
        (hello("evil.example"), "another server"),
        (b"", ""),
    ],
)
def test_port_443_is_for_tls(message: bytes, why: str) -> None:
    async def main() -> None:
        async with usual(443) as (door, ledger, heard):
            back = await through(door, "front.example:443", message)
            assert back == (ALERT if "server" in why else b"")
            assert bytes(heard.data) == b""
            assert [decision.allowed for decision in ledger.egress] == ([True, False] if why else [True])
            assert why in ledger.egress[-1].why
            right = hello("front.example")
            assert (await through(door, "front.example:443", right)).startswith(b"HTTP/1.1 200")
            assert bytes(heard.data) == right

    run(main())


@root
@optional
def test_a_tunnel_to_port_80_carries_http_for_its_own_host_only() -> None:
    async def main() -> None:
        async with usual(80) as (door, ledger, heard):
            first = b"GET /a HTTP/1.1\r\nhost: evil.example\r\n\r\n"
            second = b"GET http://front.example/b HTTP/1.1\r\nhost: evil.example\r\n\r\n"
            third = b"GET http://evil.example/ HTTP/1.1\r\nhost: front.example\r\n\r\n"
            fourth = b"CONNECT 127.77.0.9:443 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
            back = await through(door, "front.example:80", first, second, third, fourth)
            assert [part[:3] for part in back.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400", b"400"]
            await until(lambda: heard.connections == 2)
            assert bytes(heard.data).count(b"host: front.example\r\n") == 2
            assert b"evil" not in heard.data
            assert [decision.allowed for decision in ledger.egress] == [True, False, False]
            assert await through(door, "front.example:80", b"\x16\x03\x01 not http\r\n\r\n") != b""

    run(main())
