"""Answers that break off, or that nobody can read: passed on as they are, and their usage stays unknown."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import pytest
import wire
from gateway_kit import KEY, STEP, Cut, Part, Reply, client, gateway, run, serving, session, until
from wire import PROTOCOLS, SSE, STREAMS, TARGETS

from fabrik.usage import WireProtocol


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
