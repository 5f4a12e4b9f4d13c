"""A small HTTP/1.1 server side over asyncio streams: what both doors speak.

The doors need what a web server does not give: many listeners that open and close within milliseconds in a
process whose signals belong to somebody else, an answer that can be broken off so that the client sees it,
and a connection that turns into a tunnel. h11 does the protocol; this adds time limits, bounds and
back-pressure.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass

import h11

from fabrik.gateway.headers import Headers

HEAD_LIMIT = 64 * 1024  # bytes of a request's head
HEAD_SECONDS = 30.0  # for a request's head, from its first byte
_READ = 64 * 1024
_READ_AHEAD = 256 * 1024  # bytes of later requests that are taken in while one is answered
_STRAY = (OSError, EOFError, TimeoutError)


class Gone(Exception):
    """The client has closed its connection, or has been silent for too long."""


class Malformed(Exception):
    """What came is not HTTP/1.1, can be read in two ways, or its head is too large or too slow."""

    def __init__(self, said: str = "this is not an HTTP request") -> None:
        super().__init__(said)
        self.said = said  # one line for the client


class TooLarge(Exception):
    """The request's body is larger than the door takes."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The head of a request. Header names are in lower case."""

    method: str
    target: str
    headers: Headers

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)


class Exchange:
    """A client's connection: requests one after the other, an answer to each."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        idle_seconds: float,
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.answered = False  # the head of the answer is out
        self._idle = idle_seconds
        self._head_seconds = head_seconds
        self._head = False  # the request is a HEAD: its answer has no body
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)

    async def request(self) -> Request | None:
        """The next request; None when the client has closed.

        Raises Malformed, Gone.
        """
        match await self._head_of_request():
            case h11.Request() as event:
                self.answered = False
                _check(event)
                self._head = event.method == b"HEAD"
                return Request(
                    method=event.method.decode("ascii"),
                    target=event.target.decode("ascii"),
                    headers=[(bytes(name), bytes(value)) for name, value in event.headers],
                )
            case _:
                return None

    async def body_part(self) -> bytes | None:
        """The next part of the request's body; None at its end.

        Raises Malformed, Gone.
        """
        if self._http.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        match await self._event():
            case h11.Data(data=data):
                return bytes(data)
            case h11.EndOfMessage():
                return None
            case _:
                raise Gone

    async def body(self, limit: int) -> bytes:
        """The whole body.

        Raises TooLarge (also from its declared length, before any of it is read), Malformed, Gone.
        """
        body = bytearray()
        while (part := await self.body_part()) is not None:
            body += part
            if len(body) > limit:
                raise TooLarge
        return bytes(body)

    async def answer(self, status: int, headers: Headers, body: bytes = b"") -> None:
        """A whole answer.

        Raises Gone.
        """
        await self.start(status, headers)
        await self.write(body)
        await self.finish()

    async def start(self, status: int, headers: Headers) -> None:
        """The head of an answer. Without a content-length the body goes out in chunks.

        Raises Gone.
        """
        self.answered = True
        await self._send(h11.Response(status_code=status, headers=headers))

    async def write(self, data: bytes) -> None:
        """The next part of the answer's body, sent at once; waits while the client does not read.

        Raises Gone.
        """
        if data and not self._head:
            await self._send(h11.Data(data=data))

    async def finish(self) -> None:
        """The end of an answer.

        Raises Gone.
        """
        await self._send(h11.EndOfMessage())

    def next(self) -> bool:
        """Be ready for the next request on this connection; False when it must be closed."""
        if self._http.their_state is h11.SEND_BODY:  # a request without a body still has its end unread
            with contextlib.suppress(h11.RemoteProtocolError):
                self._http.next_event()
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def gone(self) -> None:
        """Return when the client closes its side while it is being answered."""
        ahead = 0
        while ahead < _READ_AHEAD:
            try:
                data = await self.reader.read(_READ)
            except OSError:
                return
            if not data:
                return
            self._http.receive_data(data)
            ahead += len(data)
        await asyncio.get_running_loop().create_future()

    def trailing(self) -> bytes:
        """What the client sent behind its request, when the connection becomes a tunnel."""
        return self._http.trailing_data[0]

    async def close(self) -> None:
        """Close after what was written is out, or at once when the client does not take it."""
        with contextlib.suppress(*_STRAY):
            self.writer.close()
            async with asyncio.timeout(1):
                await self.writer.wait_closed()
        self.abort()

    def abort(self) -> None:
        """Break the connection off: the client sees that its answer is not whole."""
        self.writer.transport.abort()

    def inner(self) -> Exchange:
        """The HTTP inside the tunnel that this connection has become."""
        inside = Exchange(self.reader, self.writer, idle_seconds=self._idle, head_seconds=self._head_seconds)
        if early := self.trailing():
            inside._http.receive_data(early)
        return inside

    async def _head_of_request(self) -> h11.Event | type[h11.PAUSED]:
        """The next event, whose bytes may wait for long to begin, but not to end. Raises Malformed, Gone."""
        try:
            async with asyncio.timeout(None) as whole:
                return await self._event(whole)
        except TimeoutError:
            raise Malformed("the request's head takes too long") from None

    async def _event(self, whole: asyncio.Timeout | None = None) -> h11.Event | type[h11.PAUSED]:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError:
                raise Malformed from None
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            try:
                async with asyncio.timeout(self._idle):
                    data = await self.reader.read(_READ)
            except _STRAY:
                raise Gone from None
            if whole is not None and whole.when() is None:
                whole.reschedule(asyncio.get_running_loop().time() + self._head_seconds)
            self._http.receive_data(data)

    async def _send(self, event: h11.Event) -> None:
        try:
            data = self._http.send(event)
        except h11.LocalProtocolError:  # headers that nobody may send
            raise Gone from None
        if not data:
            return
        try:
            self.writer.write(data)
            async with asyncio.timeout(self._idle):
                await self.writer.drain()
        except _STRAY:
            raise Gone from None


def _check(request: h11.Request) -> None:
    """Two readers of this request must see the same head and body (RFC 9112 sections 2.3 and 6.3).

    Raises Malformed.
    """
    if request.http_version not in (b"1.0", b"1.1"):
        raise Malformed
    names = [name for name, _ in request.headers]
    framed = b"transfer-encoding" in names
    if framed and (b"content-length" in names or request.http_version != b"1.1"):
        raise Malformed("the request's body has two lengths")
    # What arrives in one piece is read in one piece, beyond what h11 waits for.
    if len(request.target) + sum(len(name) + len(value) + 4 for name, value in request.headers) > HEAD_LIMIT:
        raise Malformed("the request's head is too large")


async def unless_gone(exchange: Exchange, work: Coroutine[None, None, None]) -> None:
    """Do this for the client, but stop when the client goes away.

    Raises Gone, and what the work raises.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(exchange.gone())
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped = working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)
    if stopped:
        raise Gone
    working.result()
