"""Model calls through a real door to a real HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import time
from dataclasses import replace

import httpx
import pytest
import wire
from gateway_kit import KEY, Cut, Part, Reply, client, gateway, run, serving, session, until
from wire import MODELS, PROTOCOLS, STREAMS, TARGETS

from fabrik.gateway import prices
from fabrik.usage import Vendor, WireProtocol

SSE = (("content-type", "text/event-stream"),)
STEP = "task/1/implement#1"


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


# -- refusals of the gateway itself -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "variable"),
    [
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("openai-responses", "OPENAI_API_KEY"),
        ("openai-chat", "OPENAI_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
    ],
)
def test_without_a_key_the_variable_is_named(protocol: WireProtocol, variable: str) -> None:
    async def main() -> None:
        async with serving() as server, gateway(server.url, key=None) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS[protocol], json=wire.ask(protocol))
            assert answer.status_code == 401
            assert variable in answer.json()["error"]["message"]
            assert answer.headers["x-should-retry"] == "false"
            assert server.seen == []
            [call] = house.ledger.calls
            assert (call.outcome, call.status, call.attempts, call.usage.calls) == ("no_key", 401, 0, 0)
            assert call.usage.total_tokens == 0

    run(main())


@pytest.mark.parametrize(
    ("method", "target", "shape"),
    [
        ("POST", "/anthropic/v1/messages/batches", "anthropic"),
        ("POST", "/anthropic/v1/../v1/messages", "anthropic"),
        ("PUT", "/anthropic/v1/messages", "anthropic"),
        ("POST", "/openai/v1/batches", "openai"),
        ("GET", "/openai/v1/models/..%2f..", "openai"),
        ("GET", "/", "openai"),
        ("POST", "/gemini/v1beta/models/x:batchGenerateContent", "gemini"),
        ("POST", "/gemini/upload/v1beta/files", "gemini"),
    ],
)
def test_what_is_not_served(method: str, target: str, shape: str) -> None:
    async def main() -> None:
        async with serving() as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.request(method, "/", extensions={"target": target.encode()})
            assert answer.status_code == 404
            error = answer.json()
            if shape == "anthropic":
                assert error["type"] == "error"
                assert error["error"]["type"] == "not_found_error"
            elif shape == "gemini":
                assert (error["error"]["code"], error["error"]["status"]) == (404, "NOT_FOUND")
            else:
                assert error["error"]["code"] == "unknown_url"
            assert server.seen == []
            assert house.ledger.started == []

    run(main())


def test_what_costs_nothing_is_passed_on_without_a_record() -> None:
    async def main() -> None:
        async with serving(Reply(parts=[b'{"input_tokens": 3}'])) as server, gateway(server.url) as house:
            async with session(house) as http:
                counted = await http.post("/anthropic/v1/messages/count_tokens", json={"model": "m"})
                models = await http.get("/openai/v1/models?limit=5&key=x")
                gemini = await http.post("/gemini/v1beta/models/gemini-2.5-pro:countTokens?key=x", json={})
                hello = await http.head("/anthropic/api/hello")
            assert counted.json() == {"input_tokens": 3}
            assert [answer.status_code for answer in (counted, models, gemini, hello)] == [200] * 4
            assert [seen.target for seen in server.seen] == [
                "/v1/messages/count_tokens",
                "/v1/models?limit=5",
                "/v1beta/models/gemini-2.5-pro:countTokens",
            ]
            assert all(KEY in repr(seen.headers) for seen in server.seen)
            assert house.ledger.started == []

    run(main())


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"[1]", b"\xff\xfe", b'{"background": true}', b"[" * 100_000]
)
def test_a_body_that_cannot_be_metered_is_refused(body: bytes) -> None:
    async def main() -> None:
        async with serving() as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS["openai-responses"], content=body)
                assert answer.status_code == 400
                assert (await http.head("/anthropic/api/hello")).status_code == 200
            assert server.seen == []
            assert [call.outcome for call in house.ledger.calls] == ["refused"]

    run(main())


# -- failures of the upstream -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_a_passing_failure_is_tried_again(status: int) -> None:
    async def main() -> None:
        bad = Reply(status=status, parts=[b'{"error": {"message": "busy"}}'])
        good = Reply(headers=SSE, parts=[wire.ANTHROPIC])
        async with serving(bad, bad, good) as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            assert answer.content == wire.ANTHROPIC
            [call] = house.ledger.calls
            assert (call.attempts, call.outcome, call.status) == (3, "ok", 200)
            assert call.usage.calls == 1
            assert len({seen.body for seen in server.seen}) == 1

    run(main())


@pytest.mark.parametrize(
    ("status", "headers", "attempts"),
    [
        (529, (), 3),
        (503, (("retry-after", "0"),), 3),
        (503, (("retry-after", "60"),), 1),
        (429, (), 1),
        (429, (("retry-after", "0"),), 3),
        (429, (("retry-after", "11"),), 1),
        (429, (("retry-after", "soon"),), 1),
        (400, (), 1),
        (401, (), 1),
        (403, (("retry-after", "0"),), 1),
    ],
)
def test_retries_are_bounded_and_the_last_answer_is_passed_on(
    status: int, headers: tuple[tuple[str, str], ...], attempts: int
) -> None:
    body = b'{"type": "error", "error": {"type": "x", "message": "m"}}'

    async def main() -> None:
        async with (
            serving(Reply(status=status, headers=headers, parts=[body])) as server,
            gateway(server.url) as house,
        ):
            async with session(house) as http:
                answer = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            assert (answer.status_code, answer.content) == (status, body)
            assert "retry-after" not in answer.headers  # or some CLIs would wait in their session
            [call] = house.ledger.calls
            assert (call.attempts, call.outcome, call.status) == (attempts, "upstream_error", status)
            assert len(server.seen) == attempts
            assert call.usage.total_tokens == 0
            assert call.usage.cost_usd == 0

    run(main())


@pytest.mark.parametrize(("name", "value"), [("retry-after", "3600"), ("Retry-After-Ms", "3600000")])
def test_the_reset_of_a_429_is_recorded_and_kept_from_the_session(name: str, value: str) -> None:
    async def main() -> None:
        reply = Reply(status=429, headers=((name, value), ("x-request-id", "r1")), parts=[b"{}"])
        async with serving(reply) as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
                counted = await http.post("/anthropic/v1/messages/count_tokens", json=wire.ask("anthropic"))
            for one in (answer, counted):
                assert one.status_code == 429
                assert one.headers["x-request-id"] == "r1"
                assert name.lower() not in one.headers
            [call] = house.ledger.calls
            assert call.retry_at is not None
            assert 3500 < call.retry_at - time.time() <= 3600

    run(main())


BUSY = Reply(status=429, parts=[b'{"error": {"message": "busy"}}'])
GOOD = Reply(headers=SSE, parts=[wire.ANTHROPIC])


@pytest.mark.parametrize(
    "failing",
    [BUSY, Reply(status=529, headers=(("retry-after", "60"),)), Reply(parts=[b"<html>"]), None],
    ids=["429", "529", "junk", "cut"],
)
def test_a_session_that_asks_without_end_is_refused(failing: Reply | None) -> None:
    """opencode would go on until its session's time is up."""

    async def main() -> None:
        reply = failing or Reply(headers=SSE, parts=[wire.ANTHROPIC[:200], Cut()])
        async with serving(reply) as server, gateway(server.url) as house:
            async with session(house) as http:
                for _ in range(3):
                    with contextlib.suppress(httpx.RemoteProtocolError):
                        await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
                refused = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            assert refused.status_code == 403
            assert "has asked often enough" in refused.json()["error"]["message"]
            assert len(server.seen) == 3
            async with session(house, "task/1/implement#1/retry#1") as http:
                with contextlib.suppress(httpx.RemoteProtocolError):
                    await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            assert len(server.seen) == 4
            last = house.ledger.calls[3]
            assert (last.outcome, last.attempts, last.usage.calls) == ("refused", 0, 0)

    run(main())


@pytest.mark.parametrize(
    "replies",
    [[BUSY, BUSY, GOOD, BUSY, BUSY, GOOD], [Reply(status=400), Reply(status=404), Reply(status=401), GOOD]],
    ids=["answered in between", "the request's own fault"],
)
def test_a_session_that_is_answered_is_not_refused(replies: list[Reply]) -> None:
    async def main() -> None:
        async with serving(*replies) as server, gateway(server.url) as house:
            async with session(house) as http:
                got = [await http.post(TARGETS["anthropic"], json=wire.ask("anthropic")) for _ in replies]
            assert [answer.status_code for answer in got] == [reply.status for reply in replies]

    run(main())


def test_an_upstream_that_refuses_connections() -> None:
    async def main() -> None:
        async with serving() as server:
            closed = server.url
        async with gateway(closed) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS["openai-responses"], json=wire.ask("openai-responses"))
            assert answer.status_code == 502
            assert "cannot be reached" in answer.json()["error"]["message"]
            [call] = house.ledger.calls
            assert (call.attempts, call.outcome, call.status) == (3, "upstream_error", 0)
            assert call.usage.total_tokens == 0

    run(main())


def test_an_upstream_that_says_nothing() -> None:
    async def main() -> None:
        silent = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await silent.wait()
            writer.transport.abort()

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with gateway(url, config=lambda config: replace(config, idle_seconds=0.3)) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
            assert answer.status_code == 504
            [call] = house.ledger.calls
            assert (call.attempts, call.outcome, call.status) == (1, "cut", 0)
            assert call.usage.total_tokens is None
        silent.set()
        server.close()

    run(main())


def test_a_redirect_is_not_followed() -> None:
    async def main() -> None:
        async with serving() as other:
            reply = Reply(status=307, headers=(("location", f"{other.url}/v1/messages"),))
            async with serving(reply) as server, gateway(server.url) as house:
                async with session(house) as http:
                    answer = await http.post(TARGETS["anthropic"], json=wire.ask("anthropic"))
                assert answer.status_code == 502
                assert "location" not in answer.headers
                assert other.seen == []
                assert house.ledger.calls[0].outcome == "upstream_error"

    run(main())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_stream_that_breaks_off_stays_unknown(protocol: WireProtocol) -> None:
    stream, _ = STREAMS[protocol]

    async def main() -> None:
        parts: list[Part] = [stream[:30], stream[30 : len(stream) // 2], Cut()]
        async with serving(Reply(headers=SSE, parts=parts)) as server, gateway(server.url) as house:
            async with session(house) as http:
                with pytest.raises(httpx.RemoteProtocolError):
                    await http.post(TARGETS[protocol], json=wire.ask(protocol))
            [call] = house.ledger.calls
            assert (call.outcome, call.status) == ("cut", 0)
            assert call.usage.output_tokens is None
            assert call.usage.total_tokens is None
            assert call.usage.cost_usd is None
            assert house.gateway.spent.total_tokens is None

    run(main())


def test_a_session_that_leaves_frees_the_upstream() -> None:
    async def main() -> None:
        never = asyncio.Event()
        async with (
            serving(Reply(headers=SSE, parts=[wire.ANTHROPIC[:400], never])) as server,
            gateway(server.url) as house,
            house.gateway.door(STEP) as paths,
        ):
            async with (
                client(paths.models) as http,
                http.stream("POST", TARGETS["anthropic"], json=wire.ask("anthropic")) as answer,
            ):
                await anext(answer.aiter_raw())
            await until(lambda: bool(house.ledger.calls))
            assert server.cut_seen.is_set() or await asyncio.wait_for(server.cut_seen.wait(), 10)
            assert house.ledger.calls[0].outcome == "cut"

    run(main())


@pytest.mark.parametrize(
    "junk", [b"<html>oops</html>", b"\x00\xff" * 5000, b"{" * 70_000, b'{"usage": "no"}', b""]
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_junk_passes_through_unmetered(protocol: WireProtocol, junk: bytes) -> None:
    async def main() -> None:
        async with serving(Reply(parts=[junk])) as server, gateway(server.url) as house:
            async with session(house) as http:
                answer = await http.post(TARGETS[protocol], json=wire.ask(protocol))
            assert answer.content == junk
            [call] = house.ledger.calls
            assert call.usage.total_tokens is None
            assert call.usage.cost_usd is None
            assert call.status in (0, 200)

    run(main())


@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_an_upstream_that_compresses_although_it_was_asked_not_to(encoding: str) -> None:
    async def main() -> None:
        body = gzip.compress(wire.CHAT.replace(b"Hi", KEY.encode()))
        async with (
            serving(Reply(headers=(("content-encoding", encoding),), parts=[body])) as server,
            gateway(server.url) as house,
        ):
            async with session(house) as http:
                answer = await http.post(TARGETS["openai-chat"], json=wire.ask("openai-chat"))
            [call] = house.ledger.calls
            if encoding == "gzip":
                assert answer.content == wire.CHAT.replace(b"Hi", b"[redacted]")
                assert call.usage.reasoning_tokens == 10
            else:
                assert answer.status_code == 502
                assert call.usage.total_tokens is None

    run(main())
