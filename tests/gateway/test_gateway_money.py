"""Prices, the account, and budgets through a real door."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
import wire
from gateway_kit import Reply, gateway, run, serving, session, until
from wire import PROTOCOLS, SSE, STREAMS, TARGETS

from fabrik.gateway import prices
from fabrik.gateway.account import Account, BudgetUsed
from fabrik.gateway.counts import UNKNOWN, Counts
from fabrik.gateway.prices import cost
from fabrik.gateway.types import Budget
from fabrik.usage import NOTHING, Usage, Vendor, WireProtocol


def used(tokens: int | None, usd: float | None = 0.0) -> Usage:
    return Usage(
        input_tokens=tokens,
        cache_read_tokens=0,
        cache_write_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        cost_usd=usd,
        calls=1,
    )


# -- prices -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "model", "input_rate"),
    [
        ("anthropic", "claude-sonnet-4-5", 3.0),
        ("anthropic", "claude-sonnet-4-5-20250929", 3.0),
        ("anthropic", "claude-opus-4-5-latest", 5.0),
        ("openai", "gpt-5.5", 5.0),
        ("openai", "gpt-5.5-2026-04-23", 5.0),
        ("openai", "gpt-5-mini", 0.25),
        ("gemini", "gemini-2.5-flash", 0.3),
        ("gemini", "models/gemini-2.5-flash-001", 0.3),
    ],
)
def test_a_model_and_its_dated_versions_have_a_price(vendor: Vendor, model: str, input_rate: float) -> None:
    price = prices.current().find(vendor, model)
    assert price is not None
    assert price.usual.input == input_rate
    assert price.table == prices.current().date


@pytest.mark.parametrize(
    "model", [None, "", "stub-model", "claude", "gpt-5.5-nonsense", "claude-sonnet-4-5-20"]
)
def test_what_is_not_in_the_table_has_no_price(model: str | None) -> None:
    assert all(prices.current().find(vendor, model) is None for vendor in ("anthropic", "openai", "gemini"))


def test_the_table_is_sane() -> None:
    table = prices.current()
    assert len(table.models) > 40
    for key, price in table.models.items():
        assert 0 < price.usual.input <= price.usual.output, key
        assert price.usual.cache_read is None or price.usual.cache_read < price.usual.input, key
        if price.long:
            assert price.long.input > price.usual.input, key
            assert price.long_above >= 100_000, key


def test_each_kind_of_token_has_its_rate() -> None:
    price = prices.current().find("anthropic", "claude-sonnet-4-5")
    million = 1_000_000
    assert cost(price, Counts(input=million, cache_read=0, cache_write=0, output=0, reasoning=0)) == 3.0
    assert cost(price, Counts(input=0, cache_read=million, cache_write=0, output=0, reasoning=0)) == 0.3
    written = Counts(
        input=0, cache_read=0, cache_write=2 * million, cache_write_1h=million, output=0, reasoning=0
    )
    assert cost(price, written) == pytest.approx(3.75 + 6.0)
    assert cost(price, Counts(input=0, cache_read=0, cache_write=0, output=million, reasoning=0)) == 15.0
    assert cost(price, Counts(input=0, cache_read=0, cache_write=0, output=0, reasoning=million)) == 15.0


def test_a_long_prompt_raises_all_rates() -> None:
    price = prices.current().find("openai", "gpt-5.5")
    usual = Counts(input=272_000, cache_read=0, cache_write=0, output=1000, reasoning=0)
    long = replace(usual, cache_read=1)
    assert cost(price, usual) == pytest.approx(0.272 * 5 + 0.001 * 30)
    assert cost(price, long) == pytest.approx(0.272 * 10 + 1e-6 + 0.001 * 45)


def test_an_unknown_part_leaves_the_cost_unknown() -> None:
    price = prices.current().find("openai", "gpt-5-pro")  # the table has no price for its cache
    known = Counts(input=10, cache_read=0, cache_write=0, output=10, reasoning=0)
    assert cost(price, known) == pytest.approx((10 * 15 + 10 * 120) / 1e6)
    assert cost(price, replace(known, cache_read=1)) is None
    assert cost(price, replace(known, output=None)) is None
    assert cost(price, UNKNOWN) is None
    assert cost(None, known) is None
    assert prices.at_least(price, replace(known, output=None, cache_read=5)) == pytest.approx(10 * 15 / 1e6)
    assert prices.at_least(None, known) == 0


# -- the account --------------------------------------------------------------------------------------------


def test_reservations_make_others_wait_and_real_use_refuses() -> None:
    async def main() -> None:
        account = Account(Budget(tokens=100), NOTHING, NOTHING)
        first = await account.admit(tokens=100, usd=0)
        second = asyncio.ensure_future(account.admit(tokens=10, usd=0))
        third = asyncio.ensure_future(account.admit(tokens=10, usd=0))
        await asyncio.sleep(0)
        assert not second.done()
        account.settle(first, used(40))
        assert account.remaining.tokens == 60
        await asyncio.wait((second, third))
        account.settle(second.result(), used(60))
        with pytest.raises(BudgetUsed):
            await account.admit(tokens=1, usd=0)
        account.settle(third.result(), used(5))
        assert account.remaining.tokens == 0
        assert account.spent.calls == 3

    run(main())


def test_a_waiting_call_is_refused_when_the_budget_is_used_up_meanwhile() -> None:
    async def main() -> None:
        account = Account(Budget(usd=1.0), NOTHING, NOTHING)
        first = await account.admit(tokens=0, usd=2.0)
        second = asyncio.ensure_future(account.admit(tokens=0, usd=0.1))
        await asyncio.sleep(0)
        account.settle(first, used(1, 1.0))
        with pytest.raises(BudgetUsed):
            await second

    run(main())


def test_calls_are_counted_when_they_start() -> None:
    async def main() -> None:
        account = Account(Budget(calls=2), replace(NOTHING, calls=1), NOTHING)
        await account.admit(tokens=0, usd=0)
        with pytest.raises(BudgetUsed):
            await account.admit(tokens=0, usd=0)

    run(main())


def test_unknown_use_is_charged_as_reserved_and_stays_unknown_in_the_sum() -> None:
    async def main() -> None:
        account = Account(Budget(tokens=100, usd=1.0), NOTHING, NOTHING)
        ticket = await account.admit(tokens=70, usd=0.6)
        account.settle(ticket, used(None, None))
        assert account.remaining == Budget(tokens=30, usd=0.4)
        assert account.spent.total_tokens is None
        assert account.spent.cost_usd is None

    run(main())


@pytest.mark.parametrize(
    ("spent", "floor", "left"),
    [
        (used(30, 0.25), NOTHING, Budget(tokens=70, usd=0.75)),
        (used(30, 0.25), used(90, 0.9), Budget(tokens=70, usd=0.75)),
        (used(None, None), used(60, 0.5), Budget(tokens=40, usd=0.5)),
        (used(None, None), NOTHING, Budget(tokens=100, usd=1.0)),
    ],
)
def test_what_was_spent_before_counts(spent: Usage, floor: Usage, left: Budget) -> None:
    async def main() -> None:
        assert Account(Budget(tokens=100, usd=1.0), spent, floor).remaining == left

    run(main())


# -- budgets through a door ---------------------------------------------------------------------------------


def total(counts: Counts) -> int:
    return counts.known


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_used_up_budget_refuses_in_the_shape_that_stops_the_cli(protocol: WireProtocol) -> None:
    stream, counts = STREAMS[protocol]

    async def main() -> None:
        async with (
            serving(Reply(headers=SSE, parts=[stream])) as server,
            gateway(server.url, budget=Budget(tokens=total(counts))) as house,
        ):
            async with session(house) as http:
                first = await http.post(TARGETS[protocol], json=wire.ask(protocol))
                second = await http.post(TARGETS[protocol], json=wire.ask(protocol))
            assert first.status_code == 200
            assert house.gateway.remaining.tokens == 0
            assert second.status_code == (403 if protocol == "anthropic" else 400)
            assert second.headers["x-should-retry"] == "false"
            message = second.json()["error"]["message"]
            assert "budget" in message
            assert not any(character.isdigit() for character in message)
            assert len(server.seen) == 1
            assert [call.outcome for call in house.ledger.calls] == ["ok", "budget"]
            assert house.ledger.calls[1].usage == NOTHING
            assert house.gateway.spent == house.ledger.calls[0].usage

    run(main())


@pytest.mark.parametrize("budget", [Budget(calls=3), Budget(tokens=3 * 4369), Budget(usd=0.0001)])
def test_parallel_calls_overshoot_by_one_call_at_the_most(budget: Budget) -> None:
    async def main() -> None:
        async with (
            serving(Reply(headers=SSE, parts=[wire.ANTHROPIC])) as server,
            gateway(server.url, budget=budget) as house,
        ):
            async with session(house) as http:
                answers = await asyncio.gather(
                    *(
                        http.post(TARGETS["anthropic"], json=wire.ask("anthropic", max_tokens=64_000))
                        for _ in range(20)
                    )
                )
            through = 1 if budget.usd else 3
            assert sorted(answer.status_code for answer in answers) == [200] * through + [403] * (
                20 - through
            )
            assert len(server.seen) == through
            assert len(house.ledger.calls) == 20

    run(main())


def test_a_stream_is_cut_when_it_exceeds_what_remains() -> None:
    async def main() -> None:
        never = asyncio.Event()
        reply = Reply(headers=SSE, parts=[wire.sse(*wire.ANTHROPIC_EVENTS[:2], named=True), never])
        async with serving(reply) as server, gateway(server.url, budget=Budget(tokens=4000)) as house:
            async with session(house) as http:
                with pytest.raises(httpx.RemoteProtocolError):
                    await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
                await until(server.cut_seen.is_set)
                await until(lambda: bool(house.ledger.calls))
                again = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            [cut, refused] = house.ledger.calls
            assert (cut.outcome, cut.status) == ("budget", 0)
            assert cut.usage.input_tokens == 12
            assert cut.usage.output_tokens is None
            assert (again.status_code, refused.outcome) == (403, "budget")

    run(main())


@pytest.mark.parametrize("more", [{"model": "stub-model"}, {"service_tier": "priority"}, {"model": None}])
def test_under_a_money_budget_an_unknown_price_is_refused(more: dict[str, Any]) -> None:
    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[wire.RESPONSES])) as server:
            body = wire.ask("openai-responses", **more)
            async with gateway(server.url, budget=Budget(usd=5.0)) as house:
                async with session(house) as http:
                    answer = await http.post(TARGETS["openai-responses"], json=body)
                assert answer.status_code == 400
                assert "price" in answer.json()["error"]["message"]
                assert house.ledger.calls[0].outcome == "refused"
                assert server.seen == []
            async with gateway(server.url) as house:  # without one it is let through, its cost unknown
                async with session(house) as http:
                    await http.post(TARGETS["openai-responses"], json=body)
                [call] = house.ledger.calls
                assert (call.outcome, call.usage.cost_usd, call.price_table) == ("ok", None, None)
                assert call.usage.reasoning_tokens == 64

    run(main())


def test_a_tier_that_the_answer_names_leaves_the_cost_unknown() -> None:
    events = json.loads(json.dumps(wire.RESPONSES_EVENTS))
    events[-1]["response"]["service_tier"] = "priority"

    async def main() -> None:
        async with (
            serving(Reply(headers=SSE, parts=[wire.sse(*events)])) as server,
            gateway(server.url) as house,
        ):
            async with session(house) as http:
                await http.post(TARGETS["openai-responses"], json=wire.ask("openai-responses"))
            [call] = house.ledger.calls
            assert call.usage.output_tokens == 26
            assert (call.usage.cost_usd, call.price_table) == (None, None)

    run(main())
