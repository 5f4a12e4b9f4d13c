"""Many channels over one byte stream: what the two sides of an ssh connection speak with each other.

A frame is 1 byte kind, 4 bytes channel, 4 bytes length (big endian), and that many bytes. Each side opens
channels under numbers of its own (odd: the worker's, even: the helper's) and closes each exactly once.
What may wait to be read on a channel is bounded: a sender waits for room that the reader gives, and a side
that sends more than it was allowed to loses the connection.

It runs on the other machine, too: nothing but the standard library, Python 3.9.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

BLOCK = 1 << 16  # bytes of one piece of data
_WINDOW = 1 << 20  # bytes on their way on one channel
_LARGEST = 1 << 20  # bytes of a frame
_CHANNELS = 1024  # open at once by the other side
_HEAD = struct.Struct(">BII")
_SIZE = struct.Struct(">Q")
_COST = 16  # bytes of the window that a frame takes besides its content

OPEN, DATA, ERRORS, END, ROOM, SAY, CLOSE, PING = range(1, 9)
CLOSED = "it was closed"
Json = Mapping[str, Any]


class LinkLost(Exception):
    """The connection is gone, or the other side does not speak as agreed."""


class Closed(Exception):
    """The other side closed the channel; with these words."""

    def __init__(self, words: Json) -> None:
        super().__init__(str(words))
        self.words = words


class Channel:
    """One conversation. Only one task at a time may read from it, and one write to it."""

    def __init__(self, link: Link, number: int) -> None:
        self.number = number
        self._link = link
        self._may_send = _WINDOW
        self._may_come = _WINDOW
        self._eaten = 0
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._changed = asyncio.Event()
        self.closed_by_us = False
        self.closed_by_them: Json | None = None

    async def send(self, data: bytes | memoryview, kind: int = DATA) -> None:
        """Send data, once there is room for it. Raises LinkLost, Closed."""
        view = memoryview(data)
        while view:
            await self._room(min(len(view), BLOCK) + _COST)
            await self._link.write(kind, self.number, bytes(view[:BLOCK]))
            view = view[BLOCK:]

    async def say(self, words: Json) -> None:
        """Send a small message. Raises LinkLost, Closed."""
        data = json.dumps(words).encode()
        await self._room(len(data) + _COST)
        await self._link.write(SAY, self.number, data)

    async def put(self, words: object) -> None:
        """Send a message of any size. Raises LinkLost, Closed."""
        data = json.dumps(words).encode()
        await self.send(_SIZE.pack(len(data)) + data)

    async def take(self, most: int) -> Any:
        """Receive a message that was `put`, of at most so many bytes. Raises LinkLost, Closed."""
        data = bytearray()
        size = -1
        while size < 0 or len(data) < size:
            kind, block = await self.receive()
            if kind != DATA:
                raise LinkLost("a message was expected")
            data += block
            if size < 0 and len(data) >= _SIZE.size:
                size = _SIZE.unpack_from(data)[0]
                del data[: _SIZE.size]
                if size > most:
                    raise LinkLost("a message is too large")
        if len(data) > size:
            raise LinkLost("a message is longer than it said")
        return json.loads(bytes(data))

    async def end(self) -> None:
        """Say that no more data comes from this side. Raises LinkLost."""
        await self._link.write(END, self.number, b"")

    def end_now(self) -> None:
        """`end`, without waiting until it is on its way. Raises LinkLost."""
        self._link.write_now(END, self.number, b"")

    async def receive(self) -> tuple[int, bytes]:
        """The next DATA, ERRORS, END or SAY and its content. Raises LinkLost, and Closed after the last."""
        while not self._waiting:
            if self.closed_by_them is not None:
                raise Closed(self.closed_by_them)
            self._link.require()
            self._changed.clear()
            await self._changed.wait()
        kind, data = self._waiting.popleft()
        self._eaten += len(data) + _COST
        if self._eaten > _WINDOW // 4 and not self.closed_by_them:
            self._may_come += self._eaten
            self._link.write_now(ROOM, self.number, struct.pack(">I", self._eaten))
            self._eaten = 0
        return kind, data

    def close(self, words: Json | None = None) -> None:
        """Nothing more comes from this side, and nothing is read. Safe to call twice."""
        if not self.closed_by_us:
            self.closed_by_us = True
            with contextlib.suppress(LinkLost):
                self._link.write_now(CLOSE, self.number, json.dumps(words or {}).encode())
            self._link.settle(self)

    async def closed(self) -> Json:
        """Read on until the other side closes; what it said then. Raises LinkLost."""
        while True:
            try:
                await self.receive()
            except Closed as closed:
                return closed.words

    async def _room(self, size: int) -> None:
        while self._may_send < size:
            if self.closed_by_them is not None:
                raise Closed(self.closed_by_them)
            self._link.require()
            self._changed.clear()
            await self._changed.wait()
        self._may_send -= size

    def came(self, kind: int, data: bytes) -> None:
        """A frame for this channel. Raises LinkLost when it is more than was allowed."""
        if kind == ROOM:
            self._may_send += struct.unpack(">I", data)[0]
        elif kind == CLOSE:
            words = json.loads(data)
            if not isinstance(words, dict):
                raise LinkLost("a closing word is not an object")
            self.closed_by_them = words
        else:
            self._may_come -= len(data) + _COST
            if self._may_come < -_COST * 8:  # END is not waited for
                raise LinkLost("more came than there was room for")
            self._waiting.append((kind, data))
        self._changed.set()

    def wake(self) -> None:
        """Look again: the connection is gone."""
        self._changed.set()


Opened = Callable[[Channel, Json], Awaitable[None]]


class Link:
    """One end of the connection. `opened` is called in a task of its own for each channel of the other."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, first: int, opened: Opened
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._opened = opened
        self._next = first
        self._channels: dict[int, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = asyncio.Lock()
        self._why: str | None = None
        self.heard = asyncio.get_running_loop().time()

    @property
    def lost(self) -> bool:
        """Whether nothing goes through any more."""
        return self._why is not None

    def require(self) -> None:
        """Raises LinkLost when it is."""
        if self._why is not None:
            raise LinkLost(self._why)

    def open(self, words: Json) -> Channel:
        """Begin a conversation. Raises LinkLost."""
        self.require()
        channel = Channel(self, self._next)
        self._next += 2
        self._channels[channel.number] = channel
        self.write_now(OPEN, channel.number, json.dumps(words).encode())
        return channel

    def write_now(self, kind: int, channel: int, data: bytes) -> None:
        """Send a frame without waiting. Raises LinkLost."""
        self.require()
        self._writer.write(_HEAD.pack(kind, channel, len(data)) + data)

    async def write(self, kind: int, channel: int, data: bytes) -> None:
        """Send a frame and wait until it is on its way. Raises LinkLost."""
        self.write_now(kind, channel, data)
        async with self._draining:
            try:
                await self._writer.drain()
            except OSError as problem:
                self.lose(str(problem))
                self.require()

    def settle(self, channel: Channel) -> None:
        """Forget a channel that both sides have closed."""
        if channel.closed_by_us and channel.closed_by_them is not None:
            self._channels.pop(channel.number, None)

    async def serve(self) -> str:
        """Read until the connection ends; why it did. Ends all that was begun for the other side."""
        why = CLOSED
        try:
            while not self.lost:
                kind, number, size = _HEAD.unpack(await self._reader.readexactly(_HEAD.size))
                if size > _LARGEST:
                    raise LinkLost("a frame is too large")
                data = await self._reader.readexactly(size)
                self.heard = asyncio.get_running_loop().time()
                self._came(kind, number, data)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except (LinkLost, ValueError, struct.error) as problem:
            why = str(problem)
        finally:
            self.lose(why)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._why or why

    def lose(self, why: str) -> None:
        """Give the connection up."""
        if self._why is None:
            self._why = why
            for channel in list(self._channels.values()):
                channel.wake()
            self._writer.close()

    def _came(self, kind: int, number: int, data: bytes) -> None:
        if kind == PING:
            return
        channel = self._channels.get(number)
        if kind == OPEN:
            if channel is not None or number % 2 == self._next % 2 or len(self._channels) >= 2 * _CHANNELS:
                raise LinkLost("a channel cannot be opened")
            words = json.loads(data)
            if not isinstance(words, dict):
                raise LinkLost("an opening word is not an object")
            channel = self._channels[number] = Channel(self, number)
            task = asyncio.create_task(self._handle(channel, words))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif channel is not None and kind in (DATA, ERRORS, END, ROOM, SAY, CLOSE):
            channel.came(kind, data)
            if kind == CLOSE:
                self.settle(channel)

    async def _handle(self, channel: Channel, words: Json) -> None:
        with contextlib.suppress(LinkLost, Closed):
            await self._opened(channel, words)
        channel.close()

    async def ping(self, every: float, patience: float) -> None:
        """Show that this side lives, and give up when the other is not heard for so long (seconds)."""
        with contextlib.suppress(LinkLost):
            while True:
                await asyncio.sleep(every)
                if asyncio.get_running_loop().time() - self.heard > patience:
                    self.lose("nothing was heard for too long")
                self.write_now(PING, 0, b"")
