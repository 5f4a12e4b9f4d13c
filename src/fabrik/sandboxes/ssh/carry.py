"""Carries a connection to a unix socket over a channel, in both directions and to the end of each.

It runs on the other machine, too: nothing but the standard library, Python 3.9.
"""

from __future__ import annotations

import asyncio
import contextlib

from fabrik.sandboxes.ssh.link import BLOCK, DATA, END, Channel


async def carry(channel: Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry until both sides have ended, or one is gone; closes both."""
    there = asyncio.create_task(_to_channel(channel, reader))
    back = asyncio.create_task(_from_channel(channel, writer))
    try:
        done, _ = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        if all(task.exception() is None for task in done):
            await asyncio.wait({there, back}, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        channel.close()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _to_channel(channel: Channel, reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(BLOCK):
            await channel.send(block)
    await channel.end()


async def _from_channel(channel: Channel, writer: asyncio.StreamWriter) -> None:
    while True:
        kind, block = await channel.receive()
        if kind == END:
            break
        if kind == DATA:
            writer.write(block)
            await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
