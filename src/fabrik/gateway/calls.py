"""One model call, from a session's request to its record."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from fabrik.gateway import counts, headers, prices, resets
from fabrik.gateway.account import Account, BudgetUsed, Ticket
from fabrik.gateway.ask import LARGEST_BODY, Ask, BadAsk, ask_of
from fabrik.gateway.forward import broken, chunks, no_key, refuse, unreadable
from fabrik.gateway.http1 import Exchange, Gone, Request, TooLarge, unless_gone
from fabrik.gateway.meter import Meter
from fabrik.gateway.patience import Patience
from fabrik.gateway.records import Records
from fabrik.gateway.refusals import Reason, refusal
from fabrik.gateway.routes import Route
from fabrik.gateway.types import Upstream
from fabrik.gateway.upstream import Attempts, Client, TimedOut, Unreachable
from fabrik.redaction import Redactor
from fabrik.usage import NOTHING, ModelCall, Usage, WireProtocol

if TYPE_CHECKING:
    import httpx

Outcome = Literal["ok", "refused", "upstream_error", "cut", "budget", "no_key"]

_LARGEST_PROMPT = 2_000_000  # tokens; the bound of an estimate
_BYTES_PER_TOKEN = 4  # a usual figure for English and code; only reservations rest on it


_OUTCOMES: dict[Reason, Outcome] = {
    "no_key": "no_key",
    "budget": "budget",
    "unreachable": "upstream_error",
}


class _Problem(NamedTuple):
    """Why a call is refused."""

    reason: Reason
    message: str


@dataclass(kw_only=True)
class _State:
    """What is known of a call so far; its record is made from this, however it ends."""

    id: int
    step: str
    protocol: WireProtocol
    began: float  # monotonic
    ask: Ask | None = None
    price: prices.Price | None = None
    ticket: Ticket | None = None
    attempts: Attempts = field(default_factory=Attempts)
    meter: Meter | None = None
    billed: bool = False  # the upstream may have begun to work on it
    broken: bool = False  # the upstream broke its answer off, or never gave one
    status: int = 0
    outcome: Outcome = "cut"
    retry_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What the model calls of a door share."""

    client: Client
    account: Account
    records: Records
    redactor: Redactor
    patience: Patience

    async def serve(
        self,
        step: str,
        route: Route,
        protocol: WireProtocol,
        upstream: Upstream,
        request: Request,
        exchange: Exchange,
    ) -> None:
        """Answer a metered call. Its record is on its way when this returns or raises.

        Raises Gone, Malformed, NotRecorded.
        """
        try:
            body = await exchange.body(LARGEST_BODY)
        except TooLarge:
            body = None
        asked = _read(route, body)
        ask = asked if isinstance(asked, Ask) else None
        state = _State(
            id=self.records.next_id(),
            step=step,
            protocol=protocol,
            began=time.monotonic(),
            ask=ask,
            price=prices.current().find(route.vendor, ask.model) if ask and ask.usual_tier else None,
        )
        try:
            await self.records.started(state.id, step, protocol, ask.model if ask else None)
            await unless_gone(exchange, self._answer(state, route, upstream, request, exchange, asked))
        finally:
            self._settle(state)

    async def _answer(
        self,
        state: _State,
        route: Route,
        upstream: Upstream,
        request: Request,
        exchange: Exchange,
        asked: Ask | _Problem,
    ) -> None:
        if isinstance(asked, _Problem):
            await self._refuse(state, route, exchange, asked)
            return
        admitted = await self._admit(state, asked, route, upstream)
        if isinstance(admitted, _Problem):
            await self._refuse(state, route, exchange, admitted)
            return
        state.ticket = admitted
        state.billed = True
        try:
            response = await self.client.send(
                request.method,
                upstream.base_url + route.path,
                headers.outgoing(request.headers, route.vendor, upstream),
                asked.body,
                state.attempts,
            )
        except Unreachable:
            state.billed, state.outcome = False, "upstream_error"
            await refuse(exchange, route, "unreachable", "the model provider cannot be reached")
            return
        except TimedOut:  # it may be working on it still: what it used stays unknown
            state.broken = True
            await refuse(exchange, route, "timed_out", "the model provider did not answer in time")
            return
        try:
            await self._pass_on(state, route, response, exchange)
        finally:
            await response.aclose()

    async def _admit(self, state: _State, ask: Ask, route: Route, upstream: Upstream) -> Ticket | _Problem:
        """Let the call through, or say why not."""
        if upstream.key is None:
            return _Problem("no_key", no_key(route, upstream))
        if self.patience.over(state.began):
            return _Problem("failing", "this session has asked often enough; the host goes on later")
        if self.account.bounded_usd and state.price is None:
            return _Problem(
                "bad_request",
                f"the price of the model {ask.model or '(none named)'} is not known, so it cannot be used "
                "under a budget in USD; use a token budget, or another model",
            )
        prompt = min(len(ask.body) // _BYTES_PER_TOKEN, _LARGEST_PROMPT)
        likely = counts.Counts(input=prompt, output=ask.max_output)
        try:
            return await self.account.admit(
                tokens=prompt + ask.max_output, usd=prices.at_least(state.price, likely)
            )
        except BudgetUsed as used:
            return _Problem("budget", str(used))

    async def _pass_on(
        self, state: _State, route: Route, response: httpx.Response, exchange: Exchange
    ) -> None:
        """Stream an upstream's answer to the session, chunk by chunk, and meter it."""
        status = response.status_code
        if problem := unreadable(response):
            state.billed = status < 300
            await self._refuse(state, route, exchange, _Problem("unreachable", problem))
            return
        state.status = status
        good = status < 400
        state.billed = good
        meter = Meter(state.protocol)
        if good:
            state.meter = meter
        else:
            state.outcome = "upstream_error"
        beginning = bytearray()  # of an error's body
        clean = self.redactor.stream()
        await exchange.start(status, headers.incoming(response.headers.raw, self.redactor))
        try:
            async for chunk in chunks(response):
                if good and not self._metered(state, meter, chunk):
                    state.outcome, state.status = "budget", 0
                    raise Gone
                beginning += b"" if good else chunk[: resets.LONGEST_BODY - len(beginning)]
                await exchange.write(clean.feed(chunk))
        except broken():
            state.broken = True
            raise Gone from None
        finally:
            if not good:
                state.retry_at = resets.retry_at(response.headers, bytes(beginning), time.time())
        await exchange.write(clean.finish())
        if good:
            meter.finish()
            state.outcome = _outcome(meter)
        await exchange.finish()

    def _metered(self, state: _State, meter: Meter, chunk: bytes) -> bool:
        """Meter a chunk; False when the budget does not allow what the call has used by now."""
        before = meter.counts
        meter.feed(chunk)
        if meter.counts is before or state.ticket is None:
            return True
        within = self.account.metered(
            state.ticket, tokens=meter.counts.known, usd=prices.at_least(state.price, meter.counts)
        )
        return within or meter.ended  # at its end there is nothing left to save

    async def _refuse(self, state: _State, route: Route, exchange: Exchange, problem: _Problem) -> None:
        state.outcome = _OUTCOMES.get(problem.reason, "refused")
        answer = refusal(route.vendor, problem.reason, problem.message)
        state.status = answer.status
        await exchange.answer(answer.status, list(answer.headers), answer.body)

    def _settle(self, state: _State) -> None:
        """Account for the call and record it."""
        if state.outcome == "cut" and state.meter is not None and state.meter.ended:
            state.outcome = _outcome(state.meter)  # the session left when it had all it wanted
        if state.outcome == "ok":
            self.patience.answered()
        elif state.broken or _may_pass(state):
            self.patience.failed(began=state.began, now=time.monotonic())
        usage, price = self._usage(state)
        self.account.settle(state.ticket, usage)
        call = ModelCall(
            id=state.id,
            step=state.step,
            protocol=state.protocol,
            model=state.ask.model if state.ask else None,
            status=0 if state.outcome == "cut" else state.status,
            usage=usage,
            price_table=price.table if price and state.ticket else None,
            attempts=state.attempts.made,
            seconds=time.monotonic() - state.began,
            outcome=state.outcome,
            retry_at=state.retry_at,
        )
        self.records.ended(call)

    def _usage(self, state: _State) -> tuple[Usage, prices.Price | None]:
        if state.ticket is None:
            return NOTHING, None
        if not state.billed:  # an error or no connection: nothing was processed
            return Usage(
                input_tokens=0,
                cache_read_tokens=0,
                cache_write_tokens=0,
                output_tokens=0,
                reasoning_tokens=0,
                cost_usd=0.0,
                calls=1,
            ), None
        result = state.meter.result if state.meter else counts.UNKNOWN
        price = None if state.meter and state.meter.unusual_tier else state.price
        return result.usage(cost_usd=prices.cost(price, result)), price


def _read(route: Route, body: bytes | None) -> Ask | _Problem:
    if body is None:
        return _Problem("too_large", f"the request is larger than {LARGEST_BODY // 2**20} MiB")
    try:
        return ask_of(route, body)
    except BadAsk as bad:
        return _Problem("bad_request", str(bad))


def _may_pass(state: _State) -> bool:
    """Whether the provider failed, and not for what it was asked."""
    return state.outcome == "upstream_error" and not (400 <= state.status < 500 and state.status != 429)


def _outcome(meter: Meter) -> Outcome:
    if meter.failed:
        return "upstream_error"
    if meter.ended:
        return "ok"
    return "cut" if meter.streamed else "upstream_error"  # nothing of what came made sense
