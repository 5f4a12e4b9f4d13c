"""Tricks at the real proxy door, written byte by byte: what goes nowhere, and what goes to one place only."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from doorway import listening, proxy, talk
from gateway_kit import Reply, run, serving, until

HOST = "host: localhost\r\n"
END = "connection: close\r\n\r\n"


def _connect(*targets: str) -> list[tuple[str, str]]:
    return [(f"CONNECT {target}", f"CONNECT {target} HTTP/1.1\r\n{HOST}{END}") for target in targets]


def _get(*targets: str) -> list[tuple[str, str]]:
    return [(f"GET {target}", f"GET {target} HTTP/1.1\r\n{HOST}{END}") for target in targets]


def _post(*headers: str) -> list[tuple[str, str]]:
    head = f"POST http://localhost:PORT/ HTTP/1.1\r\n{HOST}"
    return [(header, f"{head}{header}\r\nconnection: close\r\n\r\n0\r\n\r\n") for header in headers]


NO_PLACE = [  # written in a way that other readers would read differently
    *_connect(
        "user@localhost:PORT", "localhost:PORT@127.0.0.1:PORT", "localhost%00:PORT", "%6cocalhost:PORT"
    ),
    *_connect("127.0.0.1%2f:PORT", "127%2e0.0.1:PORT", "127.1:PORT", "2130706433:PORT", "0x7f000001:PORT"),
    *_connect(
        "0x7f.0.0.1:PORT", "0177.0.0.1:PORT", "127.0.0.01:PORT", "127.0.0.1.1:PORT", "017700000001:PORT"
    ),
    *_connect("127.0.1:PORT", "[::1%25lo]:PORT", "[::1%lo]:PORT", "[fe80::1%eth0]:PORT", "::1:PORT"),
    *_connect("[127.0.0.1]:PORT", "[::1:PORT", "[::1]PORT", "localhost", "localhost:", "localhost:0"),
    *_connect(
        "localhost:65536", "localhost:+80", "localhost:0PORT", "localhost:PORT:PORT", "localhost..:PORT"
    ),
    *_connect(".localhost:PORT", "-localhost:PORT", "local_host@:PORT", "http://localhost:PORT", "/", "*"),
    *_connect("localhost\\.evil:PORT", "localhost,127.0.0.1:PORT", "localhost;x:PORT", "localhost/:PORT"),
    *_get(
        "http://user:pw@localhost:PORT/", "http://localhost:PORT@127.0.0.1:PORT/", "http://@localhost:PORT/"
    ),
    *_get(
        "http://localhost:PORT\\@evil.example/", "http://localhost%2f@evil.example/", "http://%6cocalhost/"
    ),
    *_get("http://[::1/", "http://[::1%25lo]:PORT/", "http:///x", "http://", "http:localhost:PORT", "/"),
    *_get(
        "https://localhost:PORT/", "ftp://localhost:PORT/", "file:///etc/passwd", "gopher://localhost:PORT/"
    ),
    *_get("localhost:PORT", "//localhost:PORT/", "http://0177.0.0.1:PORT/", "http://127.1:PORT/", "*"),
    *_get("http://localhost:PORTx/", "http://localhost:99999/"),
    ("full-width digits", "CONNECT １２７.0.0.1:PORT HTTP/1.1\r\n" + HOST + END),
    ("a name in other letters", "GET http://lоcalhost:PORT/ HTTP/1.1\r\n" + HOST + END),
    ("a full stop of another script", "GET http://127。0。0。1:PORT/ HTTP/1.1\r\n" + HOST + END),
    ("CONNECT with a body", f"CONNECT localhost:PORT HTTP/1.1\r\n{HOST}content-length: 5\r\n\r\nhello"),
    (
        "CONNECT in chunks",
        f"CONNECT localhost:PORT HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n{END}0\r\n\r\n",
    ),
]

NOT_LISTED = [
    *_connect("127.0.0.2:PORT", "[::1]:PORT", "[::ffff:127.0.0.1]:PORT", "[::ffff:7f00:1]:PORT"),
    *_connect("[::127.0.0.1]:PORT", "[64:ff9b::127.0.0.1]:PORT", "[2002:7f00:1::]:PORT", "[2001::1]:PORT"),
    *_connect("0.0.0.0:PORT", "[::]:PORT", "255.255.255.255:PORT", "224.0.0.1:PORT", "10.0.0.1:PORT"),
    *_connect("192.168.1.1:443", "100.64.0.1:443", "169.254.1.1:80", "[fe80::1]:80", "[fd00::1]:80"),
    *_connect(
        "169.254.169.254:80", "[fd00:ec2::254]:80", "[::ffff:169.254.169.254]:80", "100.100.100.200:80"
    ),
    *_connect("168.63.129.16:80", "metadata.google.internal:80", "METADATA.google.internal.:80"),
    *_connect(
        "localhost:22", "localhost:25", "localhost:53", "localhost:853", "localhost:80", "localhost:443"
    ),
    *_connect("xn--lcalhost-0ve.example:PORT", "localhost.example:PORT", "example.localhost:PORT"),
    *_connect("dns.google:443", "1.1.1.1:443", "other.example:PORT"),
    *_get(
        "http://169.254.169.254/latest/meta-data/", "http://metadata.google.internal/", "http://[::1]:PORT/"
    ),
    *_get(
        "http://evil.example#@localhost:PORT/", "http://evil.example?@localhost:PORT/", "http://0.0.0.0:PORT/"
    ),
    *_get("HTTP://evil.example/", "http://localhost/", "http://localhost:8080/"),
]

NOT_HTTP = [
    *_post(
        "content-length: 5\r\ntransfer-encoding: chunked", "transfer-encoding: chunked\r\ncontent-length: 5"
    ),
    *_post("transfer-encoding:\r\n chunked\r\ncontent-length: 5", "content-length: 5\r\ncontent-length: 6"),
    *_post("content-length: -1", "content-length: +5", "content-length: 0x5", "content-length: 5, 6"),
    *_post(
        "transfer-encoding: identity", "transfer-encoding: xchunked", "transfer-encoding: chunked, chunked"
    ),
    *_post("transfer-encoding : chunked", "transfer-encoding\t: chunked"),
    *_post("transfer-encoding: \x0bchunked", "x: a\x00b", "x: a\rb: c", "x\x00y: z", ": z", "nothing"),
    *_post("host: evil.example", "host: localhost:PORT"),
    ("no host", "GET http://localhost:PORT/ HTTP/1.1\r\n\r\n"),
    (
        "chunks in 1.0",
        f"POST http://localhost:PORT/ HTTP/1.0\r\n{HOST}transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("a line end in the target", f"CONNECT localhost:PORT\r\nx: y HTTP/1.1\r\n{HOST}{END}"),
    ("a blank in the target", f"GET http://localhost:PORT/ x HTTP/1.1\r\n{HOST}{END}"),
    ("a NUL in the target", f"CONNECT localhost\x00.evil:PORT HTTP/1.1\r\n{HOST}{END}"),
    ("tabs", f"CONNECT\tlocalhost:PORT\tHTTP/1.1\r\n{HOST}{END}"),
    ("HTTP 0.9", "GET http://localhost:PORT/\r\n\r\n"),
    ("HTTP 2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("HTTP 3", f"GET http://localhost:PORT/ HTTP/3.0\r\n{HOST}{END}"),
    ("SOCKS 5", "\x05\x01\x00\r\n\r\n"),
    ("SOCKS 4", "\x04\x01\x00\x50\x7f\x00\x00\x01\x00\r\n\r\n"),
    ("a long target", f"GET http://localhost:PORT/{'a' * 70_000} HTTP/1.1\r\n{HOST}{END}"),
    ("a long header", f"GET http://localhost:PORT/ HTTP/1.1\r\n{HOST}x: {'a' * 70_000}\r\n{END}"),
    ("many headers", "GET http://localhost:PORT/ HTTP/1.1\r\n" + HOST + "x: y\r\n" * 20_000 + END),
]


@pytest.mark.parametrize(
    ("status", "request_text"),
    [
        pytest.param(status, text, id=f"{status} {name[:60]!r}")
        for status, cases in ((400, NO_PLACE), (403, NOT_LISTED), (400, NOT_HTTP))
        for name, text in cases
    ],
)
def test_it_goes_nowhere_with_one_line_and_an_event(status: int, request_text: str) -> None:
    async def main() -> None:
        async with (
            listening() as heard,
            proxy(f"localhost:{heard.port}", f"127.0.0.1:{heard.port}") as (
                house,
                door,
            ),
        ):
            request = request_text.replace("PORT", str(heard.port)).encode()
            head, _, body = (await talk(door, request)).partition(b"\r\n\r\n")
            assert (heard.connections, bytes(heard.data)) == (0, b"")
            assert [decision.allowed for decision in house.ledger.egress] == [False]
            if head:  # a client that is still sending may not get to read it
                assert head.startswith(f"HTTP/1.1 {status}".encode())
                assert body.startswith(b"fabrik: ")
                assert body.count(b"\n") == 1
                assert len(body) < 300
            else:
                assert len(request) > 65536
            [decision] = house.ledger.egress
            assert decision.why
            assert decision.host.isprintable()
            assert "pw" not in decision.host

    run(main())


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ("http://LOCALHOST.:PORT/a", "/a"),
        ("http://localhost:PORT", "/"),
        ("http://localhost:PORT?@evil.example/", "/?@evil.example/"),
        ("http://localhost:PORT/%2e%2e/x?q=%0d%0aHost:evil", "/%2e%2e/x?q=%0d%0aHost:evil"),
        ("http://localhost:PORT/http://evil.example/", "/http://evil.example/"),
        ("http://127.0.0.1:PORT/#@evil.example", "/"),
    ],
)
def test_it_goes_to_the_one_place_that_it_names(target: str, reached: str) -> None:
    """Also with another Host header, which only the host would read."""

    async def main() -> None:
        async with (
            serving() as server,
            proxy(f"localhost:{server.port}", f"127.0.0.1:{server.port}") as (
                house,
                door,
            ),
        ):
            target_there = target.replace("PORT", str(server.port))
            text = (
                f"GET {target_there} HTTP/1.1\r\nhost: evil.example\r\nx-forwarded-host: evil.example\r\n"
                "x-a: one\r\n  two\r\nconnection: close\r\n\r\n"
            )
            assert (await talk(door, text.encode())).startswith(b"HTTP/1.1 200")
            [seen] = server.seen
            assert seen.target == reached
            assert [value for name, value in seen.headers if name == "host"] in (
                [f"localhost:{server.port}"],
                [f"127.0.0.1:{server.port}"],
            )
            assert seen.header("x-a") == "one two"  # a folded line is one line
            assert [decision.allowed for decision in house.ledger.egress] == [True]

    run(main())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_for_the_client_to_follow(status: int) -> None:
    async def main() -> None:
        async with (
            listening() as elsewhere,
            serving(
                Reply(status=status, headers=[("location", f"http://127.0.0.1:{elsewhere.port}/x")])
            ) as server,
            proxy(f"localhost:{server.port}") as (_, door),
        ):
            there = f"http://localhost:{server.port}/"
            answer = await talk(door, f"GET {there} HTTP/1.1\r\n{HOST}{END}".encode())
            assert answer.startswith(f"HTTP/1.1 {status}".encode())
            again = f"http://127.0.0.1:{elsewhere.port}/x"
            assert again.encode() in answer
            answer = await talk(door, f"GET {again} HTTP/1.1\r\n{HOST}{END}".encode())
            assert answer.startswith(b"HTTP/1.1 403")
            assert (len(server.seen), elsewhere.connections) == (1, 0)

    run(main())


def test_a_second_request_hidden_behind_the_first_is_judged_itself() -> None:
    async def main() -> None:
        async with serving() as server, proxy(f"localhost:{server.port}") as (house, door):
            first = f"POST http://localhost:{server.port}/a HTTP/1.1\r\n{HOST}content-length: 0\r\n\r\n"
            second = f"GET http://evil.example/ HTTP/1.1\r\n{HOST}{END}"
            answer = await talk(door, (first + second).encode())
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"HTTP/1.1 403" in answer
            assert [seen.target for seen in server.seen] == ["/a"]
            assert [(decision.host, decision.allowed) for decision in house.ledger.egress] == [
                ("localhost", True),
                ("evil.example", False),
            ]

    run(main())


def test_a_head_that_never_ends_is_given_up() -> None:
    """A byte now and then keeps no connection open."""

    async def main() -> None:
        async with proxy(head=0.3) as (house, door):
            reader, writer = await asyncio.open_unix_connection(str(door))

            async def drip() -> None:
                with contextlib.suppress(ConnectionError):
                    writer.write(b"GET http://localhost/ HTTP/1.1\r\nx: ")
                    while True:
                        writer.write(b"a")
                        await writer.drain()
                        await asyncio.sleep(0.01)

            dripping = asyncio.ensure_future(drip())
            async with asyncio.timeout(20):
                answer = await reader.read(65536)
            dripping.cancel()
            await asyncio.gather(dripping, return_exceptions=True)
            writer.transport.abort()
            assert answer.endswith(b"fabrik: the request's head takes too long\n")
            assert [decision.why for decision in house.ledger.egress] == [
                "no request: the request's head takes too long"
            ]

    run(main())


def test_a_client_that_says_nothing_is_closed() -> None:
    async def main() -> None:
        async with proxy(idle=0.3) as (_, door):
            assert await talk(door, b"") == b""

    run(main())


def test_a_flood_of_refusals_is_counted() -> None:
    async def main() -> None:
        async with proxy() as (house, door):
            reader, writer = await asyncio.open_unix_connection(str(door))
            for _ in range(120):
                writer.write(f"CONNECT evil.example:443 HTTP/1.1\r\n{HOST}\r\n".encode())
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 403")
                await reader.readline()
            writer.transport.abort()
            assert len(house.ledger.egress) == 1
        told = [(decision.host, decision.why) for decision in house.ledger.egress]
        assert told == [
            ("evil.example", "not on the project's list of allowed hosts"),
            ("*", "120 requests and connections in all"),
        ]

    run(main())


def test_what_was_refused_in_plenty_hides_nothing_that_was_allowed() -> None:
    async def main() -> None:
        async with serving() as server, proxy(f"localhost:{server.port}") as (house, door):
            reader, writer = await asyncio.open_unix_connection(str(door))
            for number in range(510):
                writer.write(f"CONNECT h{number}.example:443 HTTP/1.1\r\n{HOST}\r\n".encode())
                await reader.readuntil(b"\r\n\r\n")
                await reader.readline()
            writer.transport.abort()
            await talk(door, f"GET http://localhost:{server.port}/ HTTP/1.1\r\n{HOST}{END}".encode())
            assert len(house.ledger.egress) == 502
            assert (house.ledger.egress[-1].host, house.ledger.egress[-1].allowed) == ("localhost", True)

    run(main())


def test_connections_beyond_the_bound_are_turned_away_and_told() -> None:
    async def main() -> None:
        async with proxy() as (house, door):
            held = [await asyncio.open_unix_connection(str(door)) for _ in range(256)]
            await until(lambda: len(next(iter(house.gateway._doors))._connections) == 256)
            assert await talk(door, b"") == b""
            assert [decision.why for decision in house.ledger.egress] == ["more than 256 connections at once"]
            for _, writer in held:
                writer.transport.abort()

    run(main())
