"""Failures of the upstream: what is tried again, what the session is told, what the ledger gets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace

import httpx
import pytest
import wire
from gateway_kit import Cut, Reply, gateway, run, serving, session
from wire import SSE, TARGETS


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
