"""The models door: what it does with each request on a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fabrik.gateway import routes
from fabrik.gateway.calls import Calls
from fabrik.gateway.forward import forward
from fabrik.gateway.http1 import Exchange, Gone, Malformed, Request
from fabrik.gateway.records import NotRecorded
from fabrik.gateway.refusals import Reason, refusal
from fabrik.gateway.types import Upstream
from fabrik.usage import Vendor


@dataclass(frozen=True, kw_only=True)
class ModelsDoor:
    """The models door of one step."""

    step: str
    upstreams: Mapping[Vendor, Upstream]
    calls: Calls

    async def connection(self, exchange: Exchange) -> None:
        """Serve a client's requests until it closes."""
        target = ""
        try:
            while request := await exchange.request():
                target = request.target
                await self._request(request, exchange)
                if not exchange.next():
                    break
        except Gone:
            exchange.abort()
        except Malformed:
            await _last_words(exchange, target, "bad_request", "this is not an HTTP request")
        except NotRecorded:
            await _last_words(exchange, target, "broken", "the run cannot record its calls; see its log")
        finally:
            await exchange.close()

    async def _request(self, request: Request, exchange: Exchange) -> None:
        route = routes.find(request.method, request.target)
        if route is None:
            path = request.target.partition("?")[0][:200]
            message = f"{request.method} {path} is not served here"
            await _answer(exchange, request.target, "not_found", message)
        elif route.kind == "local":
            await exchange.answer(
                200, [(b"content-type", b"application/json"), (b"content-length", b"2")], b"{}"
            )
        elif (upstream := self.upstreams.get(route.vendor)) is None:
            await _answer(exchange, request.target, "not_found", f"{route.vendor} is not set up for this run")
        elif route.protocol is None:
            await forward(self.calls.client, self.calls.redactor, route, upstream, request, exchange)
        else:
            await self.calls.serve(self.step, route, route.protocol, upstream, request, exchange)


async def _answer(exchange: Exchange, target: str, reason: Reason, message: str) -> None:
    answer = refusal(routes.vendor_of(target), reason, message)
    await exchange.answer(answer.status, list(answer.headers), answer.body)


async def _last_words(exchange: Exchange, target: str, reason: Reason, message: str) -> None:
    """Say what is wrong, if an answer can still be given."""
    if exchange.answered:
        exchange.abort()
        return
    try:
        await _answer(exchange, target, reason, message)
    except Gone:
        exchange.abort()
