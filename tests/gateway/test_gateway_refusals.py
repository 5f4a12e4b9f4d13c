"""What the gateway refuses by itself, and what it passes on without a record."""

from __future__ import annotations

import pytest
import wire
from gateway_kit import KEY, Reply, gateway, run, serving, session
from wire import TARGETS

from fabrik.usage import WireProtocol


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
