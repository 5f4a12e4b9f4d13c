"""The ASGI application: reads a request, decides what it gets, and plays that."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from fabrik.testing.model_server import listing
from fabrik.testing.model_server.conversation import Conversation
from fabrik.testing.model_server.exchange import ClientLeft, Exchange
from fabrik.testing.model_server.failures import Empty, Hang, HttpError
from fabrik.testing.model_server.performance import Performance
from fabrik.testing.model_server.plan import Place, Play, choose
from fabrik.testing.model_server.record import Call, Log
from fabrik.testing.model_server.routes import Route, received_key, route
from fabrik.testing.model_server.script import Answer, Script
from fabrik.testing.model_server.tools import NoSuchTool, to_call
from fabrik.testing.model_server.wire import WIRES
from fabrik.testing.model_server.wire.format import Reply


class App:
    """Plays a script to whoever asks. key: the only one that is taken; None: any, and none."""

    def __init__(self, script: Script, log: Log, *, key: str | None = None) -> None:
        self._script = script
        self._log = log
        self._key = key
        self._met: Counter[Place] = Counter()
        self.holds: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        request = Request(scope, receive)
        try:
            raw = await request.body()
        except ClientDisconnect:
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(request, raw, exchange)
        finally:
            await exchange.close()

    async def _answer(self, request: Request, raw: bytes, exchange: Exchange) -> None:
        headers = dict(request.headers)
        where = route(request.url.path, headers)
        body = _parsed(raw)
        readable = where.protocol is not None and isinstance(body, dict)
        conversation = (
            WIRES[where.protocol].read(body, where.model, where.stream)
            if readable and where.protocol is not None
            else None
        )
        key = received_key(headers, request.query_params)
        number = self._log.add(lambda number: _call(number, request, where, headers, body, conversation, key))
        stage = Performance(
            exchange, self._log, number, where, key=key, sse=_wants_events(where, request.query_params)
        )
        try:
            await self._perform(stage, where, conversation, key, raw)
        except ClientLeft:
            self._log.note(number, outcome="left")

    async def _perform(
        self,
        stage: Performance,
        where: Route,
        conversation: Conversation | None,
        key: str | None,
        raw: bytes,
    ) -> None:
        if where.kind == "other":
            await stage.error(HttpError(status=404, message="There is nothing at this path."))
        elif self._key is not None and key != self._key:
            await stage.error(HttpError(status=401))
        elif where.kind == "models":
            await stage.json(200, listing.models(where.vendor, self._script.models))
        elif conversation is None:
            await stage.error(HttpError(status=400, message="The body is not a JSON object."))
        elif where.kind == "count":
            play = choose(self._script, conversation, Counter(self._met))
            await stage.json(200, listing.count(where.vendor, play.answer.usage))
        else:
            await self._play(stage, conversation, choose(self._script, conversation, self._met), raw)

    async def _play(self, stage: Performance, conversation: Conversation, play: Play, raw: bytes) -> None:
        answer = Answer((), play.answer.usage) if isinstance(play.failure, Empty) else play.answer
        try:
            reply = _reply(answer, conversation, hashlib.sha256(raw).hexdigest()[:20])
        except NoSuchTool as missing:
            await stage.error(HttpError(status=400, message=str(missing)))
            return
        if isinstance(play.failure, Hang) and play.failure.after_events is None:
            await stage.wait(self.holds[play.failure.hold])
        await stage.play(conversation, reply, play.failure, self.holds)


def _reply(answer: Answer, conversation: Conversation, identity: str) -> Reply:
    calls = tuple(
        to_call(action, conversation.tools, f"call_{identity}{position}")
        for position, action in enumerate(answer.actions)
    )
    usage = replace(answer.usage, cost_usd=None, calls=1)
    return Reply(
        id=identity,
        model=conversation.model,
        text=answer.text,
        calls=calls,
        usage=WIRES[conversation.protocol].stated(usage, conversation),
        states_usage=conversation.states_usage,
        created=int(time.time()),
    )


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _wants_events(where: Route, query: Mapping[str, str]) -> bool:
    return where.vendor != "gemini" or query.get("alt") == "sse"


def _call(
    number: int,
    request: Request,
    where: Route,
    headers: Mapping[str, str],
    body: Any,
    conversation: Conversation | None,
    key: str | None,
) -> Call:
    query = request.url.query
    return Call(
        number=number,
        kind=where.kind,
        vendor=where.vendor,
        protocol=where.protocol,
        method=request.method,
        path=request.url.path + (f"?{query}" if query else ""),
        model=(conversation.model if conversation else where.model) or None,
        stream=conversation.stream if conversation else False,
        prompt=conversation.prompt if conversation else "",
        key=key,
        headers=headers,
        body=body,
    )
