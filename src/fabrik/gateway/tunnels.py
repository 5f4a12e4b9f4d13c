"""Joins a CONNECT's client with the host, after a look at the client's first bytes.

What runs through a tunnel is encrypted, but the name that a TLS client asks for is not. A host that serves
thousands of names (a content network) would serve any of them to whoever reached it under an allowed one.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from fabrik.gateway.hello import LONGEST, Hello, NotTLS, read_hello
from fabrik.gateway.http1 import Exchange

_READ = 64 * 1024
_TLS = b"\x16"  # the first byte of a TLS handshake
ALERT = bytes((21, 3, 3, 0, 2, 2, 112))  # TLS: a fatal alert, unrecognized_name (RFC 6066)


class Withheld(Exception):
    """The client's first bytes do not fit what it was let through for; none of them went out."""

    def __init__(self, why: str, *, tls: bool = True) -> None:
        super().__init__(why)
        self.answer = ALERT if tls else b""  # what a client of this kind understands


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the client may say first."""

    name: str | None  # whom its TLS must ask for; None: reached by address, any name
    only_tls: bool
    seconds: float  # for its first message, from the first byte of it

    def judge(self, hello: Hello) -> None:
        """Raises Withheld."""
        if hello.hidden:
            raise Withheld("its TLS hides the server's name (Encrypted Client Hello)")
        if self.name is None or hello.name == self.name:
            return
        asked = "names no server" if hello.name is None else f"asks for another server, {shown(hello.name)}"
        raise Withheld(f"its TLS {asked}")


def shown(text: str) -> str:
    """What a client wrote, safe and short enough for a line of text."""
    plain = "".join(char if " " < char < "\x7f" else "?" for char in text[:101])
    return plain if len(plain) <= 100 else plain[:99] + "…"


async def tunnel(
    exchange: Exchange,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    *,
    expected: Expected,
    idle_seconds: float,
) -> None:
    """Carry bytes, each direction until its own end.

    Ends also when neither side says anything for idle_seconds. Raises Withheld, and Gone when the client is
    gone already.
    """
    try:
        await exchange.start(200, [])
        loop = asyncio.get_running_loop()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(idle_seconds) as deadline:

                async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                    while data := await source.read(_READ):
                        deadline.reschedule(loop.time() + idle_seconds)
                        target.write(data)
                        await target.drain()
                    if target.can_write_eof():
                        target.write_eof()

                async def outward() -> None:
                    first = await _first_bytes(exchange, expected)
                    deadline.reschedule(loop.time() + idle_seconds)
                    writer.write(first)
                    await writer.drain()
                    await pump(exchange.reader, writer)

                both = (
                    asyncio.ensure_future(outward()),
                    asyncio.ensure_future(pump(reader, exchange.writer)),
                )
                try:
                    await asyncio.gather(*both)
                finally:
                    for one in both:
                        one.cancel()
                    await asyncio.gather(*both, return_exceptions=True)
    finally:
        writer.transport.abort()


async def _first_bytes(exchange: Exchange, expected: Expected) -> bytes:
    """What the client says first, once it is known to be right. b"": it said nothing and closed.

    Raises Withheld, OSError.
    """
    first = exchange.trailing() or await exchange.reader.read(_READ)
    if not first:
        return b""
    if not expected.only_tls and not first.startswith(_TLS):
        return first
    try:
        async with asyncio.timeout(expected.seconds):
            while (hello := read_hello(first)) is None:
                more = await exchange.reader.read(_READ)
                if not more or len(first) > 2 * LONGEST:
                    raise NotTLS
                first += more
    except NotTLS:
        begun = first.startswith(_TLS)
        why = "its TLS is broken" if begun else "what came through port 443 is not TLS"
        raise Withheld(why, tls=begun) from None
    except TimeoutError:
        raise Withheld("its TLS does not begin in time") from None
    expected.judge(hello)
    return first
