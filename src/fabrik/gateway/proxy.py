"""The proxy door: plain HTTP and CONNECT to allowed hosts, everything else refused in one line.

A name is resolved once, and the connection goes to that very address. What is inside a tunnel is not looked
at.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from fabrik.gateway.allowlist import Allowlist, rule_addresses
from fabrik.gateway.http1 import Exchange, Gone, Malformed, Request
from fabrik.gateway.places import IPAddress, NotAPlace, Place, place
from fabrik.gateway.relay import Broken, relay_request, tunnel
from fabrik.gateway.sightings import Sightings


class Refused(Exception):
    """This request goes nowhere. Its text is the line that the client reads."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """The proxy of one step."""

    allowlist: Allowlist
    sightings: Sightings
    connect_seconds: float
    idle_seconds: float

    async def connection(self, exchange: Exchange) -> None:
        """Serve a client until it closes."""
        try:
            while request := await exchange.request():
                if not await self._request(request, exchange):
                    break
        except (Gone, Broken):
            exchange.abort()
        except Malformed:
            await _say(exchange, 400, "this is not an HTTP request")
        finally:
            await exchange.close()

    async def _request(self, request: Request, exchange: Exchange) -> bool:
        """Serve one request; whether another may follow."""
        try:
            if request.method == "CONNECT":
                reader, writer = await self._connect(*_authority(request.target))
                await tunnel(exchange, reader, writer, self.idle_seconds)
                return False
            wanted, port, path = _absolute(request.target)
            reader, writer = await self._connect(wanted, port)
        except Refused as refused:
            await _say(exchange, refused.status, str(refused))
            return exchange.next()
        host = str(wanted) if port == 80 else str(Place(host=wanted.host, port=port, address=wanted.address))
        await relay_request(exchange, request, host, path, reader, writer, self.idle_seconds)
        return exchange.next()

    async def _connect(self, wanted: Place, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises Refused."""
        ruling = self.allowlist.rule(wanted, port)
        addresses: list[IPAddress] = []
        if ruling.allowed and ruling.pattern is not None:
            addresses = await self._resolve(wanted, port)
            ruling = rule_addresses(ruling.pattern, addresses)
        await self.sightings.note(host=wanted.host, port=port, allowed=ruling.allowed, why=ruling.why)
        where = Place(host=wanted.host, port=port, address=wanted.address)
        if not ruling.allowed:
            raise Refused(403, f"{where} is refused: {ruling.why}")
        for address in addresses:
            try:
                async with asyncio.timeout(self.connect_seconds):
                    return await asyncio.open_connection(str(address), port)
            except (OSError, TimeoutError):
                continue
        raise Refused(502, f"{where} cannot be reached")

    async def _resolve(self, wanted: Place, port: int) -> list[IPAddress]:
        """Raises Refused."""
        if wanted.address is not None:
            return [wanted.address]
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.connect_seconds):
                found = await loop.getaddrinfo(wanted.host, port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError, UnicodeError):
            raise Refused(502, f"{wanted.host} is not a known host") from None
        return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]


def _authority(target: str) -> tuple[Place, int]:
    """Raises Refused."""
    try:
        wanted = place(target)
    except NotAPlace as problem:
        raise Refused(400, f"CONNECT to what is {problem}") from None
    if wanted.port is None:
        raise Refused(400, "CONNECT without a port")
    return wanted, wanted.port


def _absolute(target: str) -> tuple[Place, int, str]:
    """Raises Refused."""
    try:
        parts = urlsplit(target)
        if parts.scheme.lower() != "http":
            raise Refused(400, "this is a proxy: give it http://host/path or CONNECT host:port")
        wanted = place(parts.netloc)
    except ValueError as problem:
        raise Refused(400, f"the request's address is {problem}") from None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return wanted, wanted.port or 80, path


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
