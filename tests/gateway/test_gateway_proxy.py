"""The proxy door: what it leads to, and what not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from gateway_kit import House, Reply, gateway, run, serving, until


@contextlib.asynccontextmanager
async def proxy(*allow: str, idle: float = 600) -> AsyncIterator[tuple[House, Path]]:
    async with (
        gateway(
            config=lambda config: replace(config, allow=allow, idle_seconds=idle, connect_seconds=5.0)
        ) as house,
        house.gateway.door("check#1") as paths,
    ):
        yield house, paths.proxy


async def talk(door: Path, request: bytes) -> bytes:
    """All that comes back for a request, until the door closes."""
    reader, writer = await asyncio.open_unix_connection(str(door))
    writer.write(request)
    answer = b""
    async with asyncio.timeout(20):
        while data := await reader.read(65536):
            answer += data
    writer.transport.abort()
    return answer


def get(target: str, *headers: str) -> bytes:
    lines = [f"GET {target} HTTP/1.1", "host: whatever", *headers, "connection: close", "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize("target", ["http://localhost:1/", "http://127.0.0.1:1/", "http://[::1]:1/"])
def test_closed_by_default(target: str) -> None:
    async def main() -> None:
        async with proxy() as (house, door):
            answer = await talk(door, get(target))
            assert answer.startswith(b"HTTP/1.1 403")
            assert answer.endswith(b"project's list of allowed hosts\n")
            [decision] = house.ledger.egress
            assert (decision.step, decision.port, decision.allowed) == ("check#1", 1, False)

    run(main())


def test_plain_http_is_passed_on() -> None:
    async def main() -> None:
        reply = Reply(
            headers=(("x-a", "b"), ("connection", "x-a"), ("set-cookie", "c=d")), parts=[b"one ", b"two"]
        )
        async with serving(reply) as server, proxy(f"localhost:{server.port}") as (house, door):
            answer = await talk(
                door,
                get(f"http://LOCALHOST:{server.port}/p/a?q=1#f", "proxy-authorization: secret", "x-keep: 1"),
            )
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"set-cookie: c=d" in answer.lower()
            assert b"x-a" not in answer.lower()
            assert b"one " in answer
            assert b"two" in answer
            [seen] = server.seen
            assert (seen.method, seen.target) == ("GET", "/p/a?q=1")
            assert seen.header("host") == f"localhost:{server.port}"
            assert seen.header("x-keep") == "1"
            assert "secret" not in repr(seen)
            [decision] = house.ledger.egress
            assert (decision.host, decision.allowed, decision.why) == (
                "localhost",
                True,
                f"allowed by localhost:{server.port}",
            )

    run(main())


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_goes_out_and_the_connection_stays(chunked: bool) -> None:
    async def main() -> None:
        body = b"x" * 300_000
        async with (
            serving(Reply(parts=[b"done"])) as server,
            proxy(f"127.0.0.1:{server.port}") as (house, door),
        ):
            reader, writer = await asyncio.open_unix_connection(str(door))
            for _ in range(2):
                head = f"POST http://127.0.0.1:{server.port}/up HTTP/1.1\r\nhost: h\r\n"
                if chunked:
                    writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
                    for at in range(0, len(body), 50_000):
                        part = body[at : at + 50_000]
                        writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                    writer.write(b"0\r\n\r\n")
                else:
                    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
                await reader.readuntil(b"0\r\n\r\n")
            writer.transport.abort()
            assert [seen.body for seen in server.seen] == [body, body]
            assert len(house.ledger.egress) == 1

    run(main())


def test_a_head_request_and_an_empty_answer() -> None:
    async def main() -> None:
        reply = Reply(status=304, headers=(), parts=[])
        async with serving(reply) as server, proxy(f"127.0.0.1:{server.port}") as (_, door):
            answer = await talk(door, get(f"http://127.0.0.1:{server.port}/"))
            assert answer.startswith(b"HTTP/1.1 304")

    run(main())


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that sends back what it gets, and says bye when the client has finished."""
    tasks = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write(b"bye")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            if task:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


def test_a_tunnel_carries_bytes_and_half_closes() -> None:
    async def main() -> None:
        async with echo() as port, proxy(f"127.0.0.1:{port}") as (house, door):
            reader, writer = await asyncio.open_unix_connection(str(door))
            writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nhost: x\r\n\r\nearly".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(5) == b"early"
            payload = bytes(range(256)) * 4000
            writer.write(payload)
            assert await reader.readexactly(len(payload)) == payload
            writer.write_eof()
            assert await reader.read() == b"bye"
            writer.close()
            assert [(decision.host, decision.port) for decision in house.ledger.egress] == [
                ("127.0.0.1", port)
            ]

    run(main())


def test_an_idle_tunnel_is_closed() -> None:
    async def main() -> None:
        async with echo() as port, proxy(f"127.0.0.1:{port}", idle=0.3) as (_, door):
            answer = await talk(door, f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 200")

    run(main())


def test_closing_the_door_cuts_tunnels() -> None:
    async def main() -> None:
        async with echo() as port:
            async with proxy(f"127.0.0.1:{port}") as (_, door):
                reader, writer = await asyncio.open_unix_connection(str(door))
                writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
                await reader.readuntil(b"\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            writer.transport.abort()

    run(main())


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("CONNECT localhost HTTP/1.1", 400),
        ("CONNECT user@localhost:PORT HTTP/1.1", 400),
        ("CONNECT 0177.0.0.1:PORT HTTP/1.1", 400),
        ("CONNECT 2130706433:PORT HTTP/1.1", 400),
        ("CONNECT [::ffff:127.0.0.1]:PORT HTTP/1.1", 403),
        ("CONNECT 127.0.0.1:PORT HTTP/1.1", 403),
        ("GET / HTTP/1.1", 400),
        ("GET https://localhost:PORT/ HTTP/1.1", 400),
        ("GET ftp://localhost:PORT/ HTTP/1.1", 400),
        ("GET http://localhost:PORT@127.0.0.1:PORT/ HTTP/1.1", 400),
        ("GET http://user:pw@localhost:PORT/ HTTP/1.1", 400),
        ("GET http:///x HTTP/1.1", 400),
        ("GET http://[::1/ HTTP/1.1", 400),
        ("GET http://localhost:PORT%2f@evil/ HTTP/1.1", 400),
        ("GET http://other.invalid/ HTTP/1.1", 403),
    ],
)
def test_requests_that_go_nowhere(request_line: str, status: int) -> None:
    async def main() -> None:
        async with serving() as server, proxy(f"localhost:{server.port}") as (_, door):
            line = request_line.replace("PORT", str(server.port))
            answer = await talk(door, f"{line}\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
            assert answer.startswith(f"HTTP/1.1 {status}".encode())
            body = answer.partition(b"\r\n\r\n")[2]
            assert body.startswith(b"fabrik: ")
            assert body.count(b"\n") == 1
            assert server.seen == []

    run(main())


def test_a_plain_name_never_leads_to_this_machine() -> None:
    """`localhost` without a port resolves to loopback: the name is allowed, its address is not."""

    async def main() -> None:
        async with proxy("localhost") as (house, door):
            answer = await talk(door, get("http://localhost/"))
            assert answer.startswith(b"HTTP/1.1 403")
            assert b"loopback address" in answer
            assert [decision.allowed for decision in house.ledger.egress] == [False]

    run(main())


def test_an_allowed_host_that_is_not_there() -> None:
    async def main() -> None:
        async with echo() as port:
            pass
        async with proxy(f"127.0.0.1:{port}", "nowhere.invalid") as (_, door):
            assert (await talk(door, get(f"http://127.0.0.1:{port}/"))).startswith(b"HTTP/1.1 502")
            assert (await talk(door, get("http://nowhere.invalid/"))).startswith(b"HTTP/1.1 502")

    run(main())


def test_a_host_that_does_not_speak_http() -> None:
    async def main() -> None:
        async with echo() as port, proxy(f"127.0.0.1:{port}") as (_, door):
            answer = await talk(door, get(f"http://127.0.0.1:{port}/"))
            assert answer == b"" or answer.startswith(b"HTTP/1.1 502")

    run(main())


def test_decisions_are_told_once_and_bounded() -> None:
    async def main() -> None:
        async with proxy() as (house, door):
            reader, writer = await asyncio.open_unix_connection(str(door))
            for number in range(600):
                for _ in range(2):
                    writer.write(f"CONNECT h{number}.example:443 HTTP/1.1\r\nhost: x\r\n\r\n".encode())
                    head = await reader.readuntil(b"\r\n\r\n")
                    assert head.startswith(b"HTTP/1.1 403")
                    await reader.readline()
            writer.transport.abort()
            assert len(house.ledger.egress) == 501
            assert len({decision.host for decision in house.ledger.egress}) == 501
            assert house.ledger.egress[-1].host == "*"

    run(main(), seconds=120)


def test_many_requests_at_once() -> None:
    async def main() -> None:
        async with (
            serving(Reply(parts=[b"ok"])) as server,
            proxy(f"127.0.0.1:{server.port}") as (house, door),
        ):
            answers = await asyncio.gather(
                *(talk(door, get(f"http://127.0.0.1:{server.port}/{number}")) for number in range(50))
            )
            assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
            await until(lambda: len(server.seen) == 50)
            assert len(house.ledger.egress) == 1

    run(main())
