"""Model calls through a real door to a real HTTP server: passed on, metered and recorded."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
import wire
from gateway_kit import KEY, STEP, Reply, client, gateway, run, serving, session
from wire import MODELS, PROTOCOLS, SSE, STREAMS, TARGETS

from fabrik.gateway import prices
from fabrik.usage import Vendor, WireProtocol


def vendor(protocol: WireProtocol) -> Vendor:
    return "openai" if protocol.startswith("openai") else protocol  # type: ignore[return-value]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_call_is_passed_on_metered_and_recorded(protocol: WireProtocol) -> None:
    stream, counts = STREAMS[protocol]

    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[stream])) as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS[protocol], json=wire.ask(protocol))
            assert answer.status_code == 200
            assert answer.content == stream
            [call] = house.ledger.calls
            price = prices.current().find(vendor(protocol), MODELS[protocol])
            assert price is not None
            assert call.usage == counts.usage(cost_usd=prices.cost(price, counts))
            assert call.usage.cost_usd
            assert call.usage.cost_usd > 0
            assert (call.id, call.step, call.protocol, call.model) == (1, STEP, protocol, MODELS[protocol])
            assert (call.status, call.attempts, call.outcome) == (200, 1, "ok")
            assert call.price_table == prices.current().date
            assert house.ledger.started == [(1, STEP, protocol, MODELS[protocol])]
            assert house.ledger.order == ["start 1", "end 1"]
            assert house.gateway.spent == call.usage

    run(main())


@pytest.mark.parametrize(
    ("protocol", "path", "header", "value"),
    [
        ("anthropic", "/v1/messages", "x-api-key", KEY),
        ("openai-responses", "/v1/responses", "authorization", f"Bearer {KEY}"),
        ("openai-chat", "/v1/chat/completions", "authorization", f"Bearer {KEY}"),
        (
            "gemini",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
            "x-goog-api-key",
            KEY,
        ),
    ],
)
def test_the_real_key_replaces_whatever_the_sandbox_sent(
    protocol: WireProtocol, path: str, header: str, value: str
) -> None:
    async def main() -> None:
        async with (
            serving(Reply(headers=SSE, parts=[STREAMS[protocol][0]])) as server,
            gateway(server.url) as house,
        ):
            async with session(house) as http:
                target = TARGETS[protocol]
                target += ("&" if "?" in target else "?") + "key=sandbox-key&beta=true&x=1"
                await http.post(
                    target,
                    json=wire.ask(protocol),
                    headers={
                        "authorization": "Bearer sandbox-key",
                        "x-api-key": "sandbox-key",
                        "x-goog-api-key": "sandbox-key",
                        "api-key": "sandbox-key",
                        "cookie": "a=sandbox-key",
                        "proxy-authorization": "sandbox-key",
                        "connection": "keep-alive, x-private",
                        "x-private": "sandbox-key",
                        "openai-organization": "sandbox-key",
                        "accept-encoding": "gzip",
                        "anthropic-version": "2023-06-01",
                    },
                )
            [seen] = server.seen
            assert "sandbox-key" not in repr(seen)
            assert seen.target == path + ("&" if "?" in path else "?") + "beta=true"
            assert seen.header(header) == value
            assert repr(seen).count(KEY) == 1
            assert seen.header("accept-encoding") == "identity"
            assert seen.header("anthropic-version") == "2023-06-01"
            assert seen.header("host") == f"127.0.0.1:{server.port}"

    run(main())


def test_an_auth_token_is_sent_as_a_bearer() -> None:
    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[wire.ANTHROPIC])) as server:
            async with (
                gateway(
                    server.url,
                    config=lambda config: replace(
                        config,
                        upstreams={"anthropic": replace(config.upstreams["anthropic"], bearer=True)},
                    ),
                ) as house,
                session(house) as http,
            ):
                await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            assert server.seen[0].header("authorization") == f"Bearer {KEY}"
            assert server.seen[0].header("x-api-key") is None

    run(main())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_first_chunk_arrives_while_the_upstream_holds_the_second_back(protocol: WireProtocol) -> None:
    stream, counts = STREAMS[protocol]
    cut = stream.index(b"\n\n") + 2
    first, rest = stream[:cut], stream[cut:]

    async def main() -> None:
        hold = asyncio.Event()
        async with (
            serving(Reply(headers=SSE, parts=[first, hold, rest])) as server,
            gateway(server.url) as house,
        ):
            async with (
                session(house) as http,
                http.stream("POST", TARGETS[protocol], json=wire.ask(protocol)) as answer,
            ):
                chunks = answer.aiter_raw()
                assert await anext(chunks) == first
                hold.set()
                assert b"".join([chunk async for chunk in chunks]) == rest
            assert house.ledger.calls[0].usage.output_tokens == counts.output

    run(main())


def test_a_document_is_metered_too() -> None:
    document = {**wire.RESPONSES_EVENTS[-1]["response"]}

    async def main() -> None:
        async with (
            serving(Reply(parts=[json.dumps(document, indent=1).encode()])) as server,
            gateway(server.url) as house,
        ):
            async with session(house) as http:
                answer = await http.post(TARGETS["openai-responses"], json=wire.ask("openai-responses"))
            assert answer.json() == document
            [call] = house.ledger.calls
            assert (call.outcome, call.usage.reasoning_tokens) == ("ok", 64)

    run(main())


@pytest.mark.parametrize("split", [None, 3, 12, len(KEY) - 1])
def test_a_key_that_the_upstream_echoes_is_redacted(split: int | None) -> None:
    body = json.dumps({"error": {"message": f"bad key {KEY}", "code": 401}}).encode()
    at = body.index(KEY.encode()) + (split or 0)
    parts = [body] if split is None else [body[:at], body[at:]]

    async def main() -> None:
        reply = Reply(status=401, headers=(("x-echo", KEY), ("set-cookie", "a=b")), parts=parts)
        async with serving(reply) as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS["gemini"], json=wire.ask("gemini"))
            assert answer.status_code == 401
            assert answer.json()["error"]["message"] == "bad key [redacted]"
            assert KEY not in repr(answer.headers)
            assert "set-cookie" not in answer.headers
            assert KEY not in repr(house.ledger)
            assert KEY not in repr(house.gateway.__dict__)

    run(main())


def test_a_door_is_its_step_whatever_the_session_says() -> None:
    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[wire.CHAT])) as server, gateway(server.url) as house:
            async with house.gateway.door("one") as one, house.gateway.door("two") as two:
                assert one.models != two.models
                for paths in (two, one, two):
                    async with client(paths.models) as http:
                        await http.post(
                            TARGETS["openai-chat"],
                            json=wire.ask("openai-chat", user="one"),
                            headers={"x-fabrik-step": "one"},
                        )
            assert [(call.id, call.step) for call in house.ledger.calls] == [
                (1, "two"),
                (2, "one"),
                (3, "two"),
            ]

    run(main())


def test_numbers_go_on_after_a_resume() -> None:
    async def main() -> None:
        async with (
            serving(Reply(headers=SSE, parts=[wire.CHAT])) as server,
            gateway(server.url, config=lambda config: replace(config, calls_started=7)) as house,
        ):
            async with session(house) as http:
                await http.post(TARGETS["openai-chat"], json=wire.ask("openai-chat"))
            assert [call.id for call in house.ledger.calls] == [8]

    run(main())


def test_fifty_calls_at_once() -> None:
    async def main() -> None:
        async with (
            serving(Reply(headers=SSE, parts=[wire.ANTHROPIC])) as server,
            gateway(server.url) as house,
        ):
            async with session(house) as http:
                answers = await asyncio.gather(
                    *(http.post(TARGETS["anthropic"], json=wire.ask("anthropic")) for _ in range(50))
                )
            assert {answer.content for answer in answers} == {wire.ANTHROPIC}
            assert sorted(call.id for call in house.ledger.calls) == list(range(1, 51))
            assert house.gateway.spent.output_tokens == 50 * 57
            assert house.gateway.spent.calls == 50

    run(main())


@pytest.mark.parametrize("stream", [True, False])
def test_usage_is_asked_for_on_a_chat_stream_and_nothing_is_hidden(stream: bool) -> None:
    async def main() -> None:
        async with serving(Reply(headers=SSE, parts=[wire.CHAT])) as server, gateway(server.url) as house:
            async with session(house) as http:
                sent = wire.ask("openai-chat", stream=stream, note="ünï")
                answer = await http.post(TARGETS["openai-chat"], json=sent)
            got = json.loads(server.seen[0].body)
            assert got == ({**sent, "stream_options": {"include_usage": True}} if stream else sent)
            assert answer.content == wire.CHAT

    run(main())
