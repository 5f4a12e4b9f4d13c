"""Passes plain HTTP on between a client of the proxy door and the host it was let through to."""

from __future__ import annotations

import asyncio

import h11

from fabrik.gateway.headers import HOP_BY_HOP, without_named_by_connection
from fabrik.gateway.http1 import HEAD_LIMIT, Exchange, Request

_READ = 64 * 1024


class Broken(Exception):
    """The host on the other side has gone, is silent, or does not speak HTTP, in the middle of an answer."""


async def relay_request(
    exchange: Exchange,
    request: Request,
    host: str,
    path: str,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    idle_seconds: float,
) -> None:
    """Pass a plain HTTP request on, and its answer back, both as they come.

    Raises Gone, Malformed, Broken.
    """
    remote = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
    try:
        headers = [
            (name, value)
            for name, value in without_named_by_connection(request.headers)
            if name not in HOP_BY_HOP and name not in (b"host", b"expect")
        ]
        framed = [pair for pair in request.headers if pair[0] == b"transfer-encoding"]
        headers += [(b"host", host.encode()), (b"connection", b"close"), *framed]
        writer.write(_sent(remote, h11.Request(method=request.method, target=path, headers=headers)))
        sending = asyncio.ensure_future(_send_body(exchange, remote, writer))
        answering = asyncio.ensure_future(_answer(exchange, remote, reader, idle_seconds))
        try:
            await asyncio.wait((sending, answering), return_when=asyncio.FIRST_EXCEPTION)
            if answering.done():
                answering.result()
            sending.result()
        finally:
            sending.cancel()
            answering.cancel()
            await asyncio.gather(sending, answering, return_exceptions=True)
    finally:
        writer.transport.abort()


async def _send_body(exchange: Exchange, remote: h11.Connection, writer: asyncio.StreamWriter) -> None:
    try:
        while (part := await exchange.body_part()) is not None:
            writer.write(_sent(remote, h11.Data(data=part)))
            await writer.drain()
        writer.write(_sent(remote, h11.EndOfMessage()))
        await writer.drain()
    except OSError:
        raise Broken from None


async def _answer(
    exchange: Exchange, remote: h11.Connection, reader: asyncio.StreamReader, idle_seconds: float
) -> None:
    while True:
        match await _event(remote, reader, idle_seconds):
            case h11.Response() as head:
                kept = without_named_by_connection(
                    (bytes(name), bytes(value)) for name, value in head.headers
                )
                await exchange.start(head.status_code, [pair for pair in kept if pair[0] not in HOP_BY_HOP])
            case h11.Data(data=data):
                await exchange.write(bytes(data))
            case h11.EndOfMessage():
                await exchange.finish()
                return
            case h11.InformationalResponse():
                continue
            case _:
                raise Broken


async def _event(remote: h11.Connection, reader: asyncio.StreamReader, idle_seconds: float) -> object:
    while True:
        try:
            event = remote.next_event()
            if event is not h11.NEED_DATA:
                return event
            async with asyncio.timeout(idle_seconds):
                data = await reader.read(_READ)
            remote.receive_data(data)
        except (h11.RemoteProtocolError, OSError, TimeoutError):
            raise Broken from None


def _sent(remote: h11.Connection, event: h11.Event) -> bytes:
    try:
        return remote.send(event) or b""
    except h11.LocalProtocolError:
        raise Broken from None
