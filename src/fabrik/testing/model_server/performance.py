"""Sends an answer or plays its failure, and notes in the log what was sent before the last byte of it is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence

from fabrik.testing.model_server.bodies import error_answer
from fabrik.testing.model_server.conversation import Conversation
from fabrik.testing.model_server.exchange import Exchange
from fabrik.testing.model_server.failures import (
    Cut,
    Failure,
    Hang,
    HttpError,
    JunkBody,
    JunkStream,
    Refused,
    StreamError,
)
from fabrik.testing.model_server.record import Log, Outcome
from fabrik.testing.model_server.routes import Route
from fabrik.testing.model_server.wire import WIRES
from fabrik.testing.model_server.wire.format import Frame, Json, Reply
from fabrik.usage import Usage

Holds = Mapping[str, asyncio.Event]

LOGIN_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"
BROKEN = '{"type": "content_block_delta", "delta": {"te'
REQUEST_ID = {"anthropic": "request-id", "openai": "x-request-id", "gemini": "x-goog-request-id"}


class Performance:
    """The answer to one call."""

    def __init__(
        self, exchange: Exchange, log: Log, number: int, where: Route, *, key: str | None, sse: bool
    ) -> None:
        self._out = exchange
        self._log = log
        self._number = number
        self._where = where
        self._key = key
        self._sse = sse  # False: a stream is a JSON array, as Gemini's is without alt=sse

    async def json(
        self,
        status: int,
        body: Json,
        *,
        headers: Mapping[str, str] | None = None,
        outcome: Outcome | None = None,
        usage: Usage | None = None,
        retry_at: float | None = None,
    ) -> None:
        """A whole JSON answer."""
        block = json.dumps(body).encode()
        await self._start(
            status, {"content-type": "application/json", "content-length": str(len(block)), **(headers or {})}
        )
        self._note(outcome or ("answered" if status < 400 else "error"), usage, retry_at)
        await self._out.data(block)
        await self._out.end()

    async def error(self, error: HttpError) -> None:
        """An error as the vendor sends it."""
        now = time.time()
        answer = error_answer(self._where.vendor, error, key=self._key, request_id=self._request_id, now=now)
        seconds = error.retry_after if error.retry_after is not None else error.resets_in
        await self.json(
            answer.status,
            answer.body,
            headers=answer.headers,
            retry_at=None if seconds is None else now + seconds,
        )

    async def wait(self, released: asyncio.Event) -> None:
        """Say nothing until released."""
        await self._out.wait(released)

    async def play(
        self, conversation: Conversation, reply: Reply, failure: Failure | None, holds: Holds
    ) -> None:
        """The reply, as far as the failure lets it get."""
        match failure:
            case HttpError():
                await self.error(failure)
            case Refused():
                self._note("refused")
                await self._out.abort()
            case JunkBody():
                await self._start(200, {"content-type": "text/html", "content-length": str(len(LOGIN_PAGE))})
                self._note("junk")
                await self._out.data(LOGIN_PAGE)
                await self._out.end()
            case _ if conversation.stream:
                await self._stream(conversation, reply, failure, holds)
            case _:
                await self._whole(conversation, reply, failure, holds)

    async def _whole(
        self, conversation: Conversation, reply: Reply, failure: Failure | None, holds: Holds
    ) -> None:
        body = WIRES[conversation.protocol].body(reply)
        block = json.dumps(body).encode()
        half = block[: len(block) // 2]
        head = {"content-type": "application/json"}
        match failure:
            case Cut():
                await self._start(200, {**head, "content-length": str(len(block))})
                self._note("cut")
                await self._out.data(half if failure.after_bytes is None else block[: failure.after_bytes])
                await self._out.abort()
            case JunkStream():
                await self._start(200, {**head, "content-length": str(len(half))})
                self._note("junk")
                await self._out.data(half)
                await self._out.end()
            case StreamError():  # without a stream, the same trouble is a plain error
                await self.error(HttpError(status=failure.status))
            case Hang(after_events=int()):
                await self._start(200, {**head, "content-length": str(len(block))})
                await self._out.data(half)
                await self._out.wait(holds[failure.hold])
                self._note("answered", reply.usage)
                await self._out.data(block[len(half) :])
                await self._out.end()
            case _:
                await self.json(200, body, usage=reply.usage)

    async def _stream(
        self, conversation: Conversation, reply: Reply, failure: Failure | None, holds: Holds
    ) -> None:
        wire = WIRES[conversation.protocol]
        frames = wire.frames(reply)
        kind = "text/event-stream; charset=utf-8" if self._sse else "application/json"
        await self._start(200, {"content-type": kind, "cache-control": "no-cache"})
        match failure:
            case Cut(after_bytes=int(count)):
                self._note("cut")
                await self._out.data(b"".join(self._encoded(frames))[:count])
                await self._out.abort()
            case Cut():
                self._note("cut")
                for block in self._encoded(frames)[: min(failure.after_events, len(frames) - 1)]:
                    await self._out.data(block)
                await self._out.abort()
            case JunkStream():
                self._note("junk")
                await self._send(self._encoded([frames[0], Frame(data=BROKEN), Frame(data="}{")]))
            case StreamError():
                error = self._vendor_error(HttpError(status=failure.status))
                self._note("error")
                await self._send(self._encoded([*frames[: failure.after_events], wire.error_frame(error)]))
            case Hang(after_events=int(count)):
                blocks = self._encoded(frames)
                for block in blocks[:count]:
                    await self._out.data(block)
                await self._out.wait(holds[failure.hold])
                await self._send(blocks[count:], reply.usage)
            case _:
                await self._send(self._encoded(frames), reply.usage)

    def _vendor_error(self, error: HttpError) -> Json:
        return error_answer(
            self._where.vendor, error, key=self._key, request_id=self._request_id, now=time.time()
        ).body

    def _encoded(self, frames: Sequence[Frame]) -> list[bytes]:
        if self._sse:
            return [frame.encode() for frame in frames]
        texts = [frame.data if isinstance(frame.data, str) else json.dumps(frame.data) for frame in frames]
        last = len(texts) - 1
        return [
            f"{'[' if place == 0 else ','}{text}{']' if place == last else ''}".encode()
            for place, text in enumerate(texts)
        ]

    async def _send(self, blocks: Sequence[bytes], usage: Usage | None = None) -> None:
        for place, block in enumerate(blocks):
            if usage is not None and place == len(blocks) - 1:
                self._note("answered", usage)
            await self._out.data(block)
        await self._out.end()

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        named = {REQUEST_ID[self._where.vendor]: self._request_id}
        self._log.note(self._number, status=status)
        await self._out.start(status, {**headers, **named})

    @property
    def _request_id(self) -> str:
        return f"req_{self._number:08d}"

    def _note(self, outcome: Outcome, usage: Usage | None = None, retry_at: float | None = None) -> None:
        self._log.note(self._number, outcome=outcome, usage=usage, retry_at=retry_at)
