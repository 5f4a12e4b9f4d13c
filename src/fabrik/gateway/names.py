"""Finds the addresses of a name: once for each connection, which then goes to one of these addresses."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable

from fabrik.gateway.addresses import IPAddress

Resolve = Callable[[str], Awaitable[list[IPAddress]]]  # raises OSError or UnicodeError for an unknown name


async def resolve(host: str) -> list[IPAddress]:
    """Ask this machine's resolver, as its other programs do.

    Raises OSError, UnicodeError.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(row[4][0]).partition("%")[0]) for row in found]
