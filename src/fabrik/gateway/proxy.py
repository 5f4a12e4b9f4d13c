"""The proxy door: plain HTTP and CONNECT to allowed hosts, everything else refused in one line.

A name is resolved once, and the connection goes to that very address. Redirects are the client's: it asks
again, and is judged again. What is inside a tunnel is not looked at, but for the name that TLS asks for.
A tunnel to port 80 is plain HTTP, and is served as such, unless the list names that port.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from fabrik.gateway.addresses import IPAddress
from fabrik.gateway.allowlist import Allowlist, Pattern
from fabrik.gateway.http1 import HEAD_SECONDS, Exchange, Gone, Malformed, Request
from fabrik.gateway.names import Resolve, resolve
from fabrik.gateway.places import NotAPlace, Place, place
from fabrik.gateway.relay import Broken, relay_request
from fabrik.gateway.sightings import Sightings
from fabrik.gateway.tunnels import Expected, Withheld, shown, tunnel


class Refused(Exception):
    """This request goes nowhere. Its text is the line that the client reads."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class NoRequest(Refused):
    """What the client asks for cannot be read in one way only."""

    def __init__(self, why: str) -> None:
        super().__init__(400, why)


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """A place that a request may go to."""

    wanted: Place
    port: int
    pattern: Pattern
    addresses: list[IPAddress]

    def __str__(self) -> str:
        return str(Place(host=self.wanted.host, port=self.port, address=self.wanted.address))


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """The proxy of one step."""

    allowlist: Allowlist
    sightings: Sightings
    connect_seconds: float
    idle_seconds: float
    head_seconds: float = HEAD_SECONDS
    resolve: Resolve = resolve

    async def connection(self, exchange: Exchange) -> None:
        """Serve a client until it closes."""
        try:
            await self._requests(exchange, None)
        finally:
            await exchange.close()

    async def _requests(self, exchange: Exchange, inside: Allowed | None) -> None:
        """Serve requests. inside: in a tunnel to this place, which all of them are for."""
        try:
            while request := await exchange.request():
                if not await self._request(request, exchange, inside):
                    break
        except (Gone, Broken):
            exchange.abort()
        except Malformed as malformed:
            await self.sightings.refused("?", 0, f"no request: {malformed.said}")
            await _say(exchange, 400, malformed.said)

    async def _request(self, request: Request, exchange: Exchange, inside: Allowed | None) -> bool:
        """Serve one request; whether another may follow."""
        try:
            if request.method == "CONNECT":
                await self._tunnel(request, exchange, inside)
                return False
            if inside is not None and request.target.startswith("/"):
                wanted, port, path = inside.wanted, inside.port, request.target
            else:
                wanted, port, path = _absolute(request.target)
            if inside is not None and (wanted.host, port) != (inside.wanted.host, inside.port):
                raise NoRequest(f"this tunnel leads to {inside} only")
            found = await self._judge(wanted, port)
            reader, writer = await self._connect(found)
        except Refused as refused:
            if isinstance(refused, NoRequest):
                await self.sightings.refused(_asked(request.target), 0, str(refused))
            await _say(exchange, refused.status, str(refused))
            return exchange.next()
        host = str(Place(host=wanted.host, port=None if port == 80 else port, address=wanted.address))
        await relay_request(exchange, request, host, path, reader, writer, self.idle_seconds)
        return exchange.next()

    async def _tunnel(self, request: Request, exchange: Exchange, inside: Allowed | None) -> None:
        """Serve a CONNECT until its end.

        Raises Refused, Gone.
        """
        if inside is not None:
            raise NoRequest("this is a tunnel already")
        if request.header(b"content-length") or request.header(b"transfer-encoding"):
            raise NoRequest("a CONNECT has no body")
        wanted, port = _authority(request.target)
        found = await self._judge(wanted, port)
        if port == 80 and found.pattern.port is None:
            await exchange.start(200, [])
            await self._requests(exchange.inner(), found)
            return
        reader, writer = await self._connect(found)
        expected = Expected(
            name=None if wanted.address else wanted.host,
            only_tls=port == 443 and found.pattern.port is None,
            seconds=self.head_seconds,
        )
        try:
            await tunnel(exchange, reader, writer, expected=expected, idle_seconds=self.idle_seconds)
        except Withheld as withheld:
            await self.sightings.refused(wanted.host, port, str(withheld))
            exchange.writer.write(withheld.answer)

    async def _judge(self, wanted: Place, port: int) -> Allowed:
        """Raises Refused; every judgement is recorded."""
        ruling = self.allowlist.rule(wanted, port)
        addresses: list[IPAddress] = []
        if ruling.allowed and ruling.pattern is not None:
            addresses = await self._addresses(wanted, port)
            if wanted.address is None:
                ruling = self.allowlist.rule_addresses(ruling.pattern, addresses, port)
        if not ruling.allowed or ruling.pattern is None:
            await self.sightings.refused(wanted.host, port, ruling.why)
            where = Place(host=wanted.host, port=port, address=wanted.address)
            raise Refused(403, f"{where} is refused: {ruling.why}")
        await self.sightings.allowed(wanted.host, port, ruling.why)
        return Allowed(wanted=wanted, port=port, pattern=ruling.pattern, addresses=addresses)

    async def _connect(self, found: Allowed) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises Refused."""
        for address in found.addresses:
            try:
                async with asyncio.timeout(self.connect_seconds):
                    return await asyncio.open_connection(str(address), found.port)
            except (OSError, TimeoutError):
                continue
        raise Refused(502, f"{found} cannot be reached")

    async def _addresses(self, wanted: Place, port: int) -> list[IPAddress]:
        """Raises Refused."""
        if wanted.address is not None:
            return [wanted.address]
        try:
            async with asyncio.timeout(self.connect_seconds):
                return await self.resolve(wanted.host)
        except (OSError, TimeoutError, UnicodeError):
            await self.sightings.refused(wanted.host, port, "allowed, but this host does not know the name")
            raise Refused(502, f"{wanted.host} is not a known host") from None


def _authority(target: str) -> tuple[Place, int]:
    """Raises NoRequest."""
    try:
        wanted = place(target)
    except NotAPlace as problem:
        raise NoRequest(f"CONNECT to what is {problem}") from None
    if wanted.port is None:
        raise NoRequest("CONNECT without a port")
    return wanted, wanted.port


def _absolute(target: str) -> tuple[Place, int, str]:
    """Raises NoRequest."""
    try:
        parts = urlsplit(target)
        if parts.scheme.lower() != "http":
            raise NoRequest("this is a proxy: give it http://host/path or CONNECT host:port")
        wanted = place(parts.netloc)
    except ValueError as problem:
        raise NoRequest(f"the request's address is {problem}") from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return wanted, wanted.port or 80, path


def _asked(target: str) -> str:
    """The place in a target that cannot be read, for the record; without a user's password."""
    return shown(target.partition("://")[2].partition("/")[0].rpartition("@")[2] or target.rpartition("@")[2])


async def _say(exchange: Exchange, status: int, line: str) -> None:
    """Answer with one line, if an answer can still be given."""
    if exchange.answered:
        exchange.abort()
        return
    text = f"fabrik: {line}\n".encode()
    try:
        await exchange.answer(
            status,
            [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(text)).encode()),
            ],
            text,
        )
    except Gone:
        exchange.abort()
