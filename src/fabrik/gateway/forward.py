"""Requests that cost nothing (token counts, lists of models): passed on with the key, not metered.

Also what they have in common with metered calls.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fabrik.gateway import headers
from fabrik.gateway.ask import LARGEST_BODY
from fabrik.gateway.hosts import key_variable
from fabrik.gateway.http1 import Exchange, Gone, Request, TooLarge, unless_gone
from fabrik.gateway.refusals import Reason, refusal
from fabrik.gateway.routes import Route
from fabrik.gateway.types import Upstream
from fabrik.gateway.upstream import Attempts, Client, TimedOut, Unreachable
from fabrik.redaction import Redactor

if TYPE_CHECKING:
    import httpx

_READABLE = frozenset(("", "identity", "gzip", "deflate"))


async def forward(
    client: Client, redactor: Redactor, route: Route, upstream: Upstream, request: Request, exchange: Exchange
) -> None:
    """Answer a request that is not metered.

    Raises Gone, Malformed.
    """
    try:
        body = await exchange.body(LARGEST_BODY)
    except TooLarge:
        await refuse(exchange, route, "too_large", f"the request is larger than {LARGEST_BODY // 2**20} MiB")
        return
    if upstream.key is None:
        await refuse(exchange, route, "no_key", no_key(route, upstream))
        return
    await unless_gone(exchange, _forward(client, redactor, route, upstream, request, exchange, body))


async def _forward(
    client: Client,
    redactor: Redactor,
    route: Route,
    upstream: Upstream,
    request: Request,
    exchange: Exchange,
    body: bytes,
) -> None:
    try:
        response = await client.send(
            request.method,
            upstream.base_url + route.path,
            headers.outgoing(request.headers, route.vendor, upstream),
            body,
            Attempts(),
        )
    except Unreachable:
        await refuse(exchange, route, "unreachable", "the model provider cannot be reached")
        return
    except TimedOut:
        await refuse(exchange, route, "timed_out", "the model provider did not answer in time")
        return
    try:
        if problem := unreadable(response):
            await refuse(exchange, route, "unreachable", problem)
            return
        clean = redactor.stream()
        await exchange.start(response.status_code, headers.incoming(response.headers.raw, redactor))
        async for chunk in chunks(response):
            await exchange.write(clean.feed(chunk))
        await exchange.write(clean.finish())
        await exchange.finish()
    except broken():
        raise Gone from None
    finally:
        await response.aclose()


async def refuse(exchange: Exchange, route: Route, reason: Reason, message: str) -> None:
    """Answer with a refusal in the vendor's shape."""
    answer = refusal(route.vendor, reason, message)
    await exchange.answer(answer.status, list(answer.headers), answer.body)


def no_key(route: Route, upstream: Upstream) -> str:
    """What to do about a missing key."""
    variable = upstream.key_env or key_variable(route.vendor)
    return f"no key for {route.vendor}: set {variable} on the host, then resume the run"


def unreadable(response: httpx.Response) -> str | None:
    """Why an answer cannot be passed on at all."""
    if 300 <= response.status_code < 400:
        return "the model provider answers with a redirect, which is not followed; correct its address"
    if response.headers.get("content-encoding", "").strip().lower() not in _READABLE:
        return "the model provider answers in an encoding that was not asked for"
    return None


async def chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes, decoded if the upstream encodes it although it was asked not to."""
    encoded = response.headers.get("content-encoding", "").strip().lower() not in ("", "identity")
    async for chunk in response.aiter_bytes() if encoded else response.aiter_raw():
        yield chunk


def broken() -> tuple[type[Exception], ...]:
    """What a body that breaks off raises."""
    import httpx

    return (httpx.HTTPError, httpx.StreamError)
