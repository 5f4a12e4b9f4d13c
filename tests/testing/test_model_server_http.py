"""The server around the answers: keys, lists, counts, paths, what it notes, and how it starts and stops."""

from __future__ import annotations

import gc
import json
import socket
import threading
import warnings
from collections.abc import Iterator

import httpx
import pytest
from model_server_requests import PROTOCOLS, VENDORS, ask, hear, request

from fabrik.errors import EnvironmentProblem
from fabrik.testing.model_server import Answer, ModelServer, Script, Session, Shell, Text
from fabrik.testing.model_server.conversation import Item, prompt_and_results
from fabrik.usage import NOTHING, Usage, WireProtocol

HELLO = Script(sessions=[Session(turns=[Text("Hello.")])])
every_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=False, timeout=30) as client:
        yield client


@every_protocol
def test_only_the_right_key_is_taken_when_one_is_set(protocol: WireProtocol) -> None:
    with ModelServer(HELLO, key="sk-real") as server:
        wrong, right = (ask(server, protocol, key=key) for key in ("sk-guess", "sk-real"))
        assert [call.key for call in server.calls] == ["sk-guess", "sk-real"]
        assert [call.outcome for call in server.calls] == ["error", "answered"]
    assert wrong.status_code == 401
    assert "sk-" not in wrong.text
    assert hear(protocol, right).text == "Hello."


def test_the_key_is_found_wherever_a_client_puts_it(client: httpx.Client) -> None:
    with ModelServer(HELLO) as server:
        base = server.url("gemini")
        client.get(f"{base}/v1beta/models?key=in-query")
        client.get(f"{base}/v1beta/models", headers={"x-goog-api-key": "in-google"})
        client.get(f"{base}/v1beta/models", headers={"x-api-key": "in-anthropic"})
        client.get(f"{base}/v1beta/models", headers={"authorization": "bearer in-bearer"})
        client.get(f"{base}/v1beta/models", headers={"authorization": "Basic dXNlcg=="})
        keys = [call.key for call in server.calls]
    assert keys == ["in-query", "in-google", "in-anthropic", "in-bearer", None]


def test_models_are_listed_as_each_vendor_does(client: httpx.Client) -> None:
    with ModelServer(Script(models=("claude-x", "gpt-y", "gemini-z"))) as server:
        anthropic = client.get(f"{server.url('anthropic')}/v1/models").json()
        openai = client.get(f"{server.url('openai')}/models").json()
        gemini = client.get(f"{server.url('gemini')}/v1beta/models").json()
        kinds = {call.kind for call in server.calls}
    assert [model["id"] for model in anthropic["data"]] == ["claude-x"]
    assert (anthropic["first_id"], anthropic["has_more"]) == ("claude-x", False)
    assert [(model["id"], model["object"]) for model in openai["data"]] == [("gpt-y", "model")]
    assert [model["name"] for model in gemini["models"]] == ["models/gemini-z"]
    assert kinds == {"models"}


def test_tokens_are_counted_as_they_will_be_stated(client: httpx.Client) -> None:
    usage = Usage(input_tokens=10, cache_read_tokens=20, cache_write_tokens=30, output_tokens=5)
    script = Script(sessions=[Session(turns=[Answer((Text("x"),), usage)])])
    prompt = [{"role": "user", "content": "hi"}]
    contents = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
    with ModelServer(script) as server:
        anthropic = f"{server.url('anthropic')}/v1/messages/count_tokens"
        openai = f"{server.url('openai')}/responses/input_tokens"
        gemini = f"{server.url('gemini')}/v1beta/models/gemini-2.5-pro:countTokens"
        assert client.post(anthropic, json={"model": "m", "messages": prompt}).json() == {"input_tokens": 60}
        assert client.post(openai, json={"model": "m", "input": "hi"}).json()["input_tokens"] == 60
        assert client.post(gemini, json=contents).json() == {"totalTokens": 60}
        assert server.expected_usage() == NOTHING
        assert server.calls[-1].model == "gemini-2.5-pro"
        assert {call.kind for call in server.calls} == {"count"}


def test_unknown_paths_are_answered_and_noted(client: httpx.Client) -> None:
    with ModelServer(HELLO) as server:
        root = f"http://127.0.0.1:{server.port}"
        for path in ("/", "/anthropic/api/hello", "/gemini/v1beta/models/x:embedContent", "/openai/v1/audio"):
            assert client.get(root + path).status_code == 404
        assert [(call.kind, call.vendor) for call in server.calls] == [
            ("other", "openai"),
            ("other", "anthropic"),
            ("other", "gemini"),
            ("other", "openai"),
        ]


@every_protocol
def test_the_bare_paths_are_taken_too(protocol: WireProtocol, client: httpx.Client) -> None:
    path, body = request(protocol, "hi", rounds=(), stream=True, tools=True)
    prefix = "/v1" if VENDORS[protocol] == "openai" else ""
    with ModelServer(HELLO) as server:
        response = client.post(f"http://127.0.0.1:{server.port}{prefix}{path}", json=body)
        assert server.calls[0].protocol == protocol
    assert hear(protocol, response).text == "Hello."


@every_protocol
@pytest.mark.parametrize("body", [b"", b"not json", b"[1]"])
def test_a_body_that_is_no_request_is_a_plain_error(
    protocol: WireProtocol, body: bytes, client: httpx.Client
) -> None:
    path, _ = request(protocol, "hi", rounds=(), stream=True, tools=True)
    with ModelServer(HELLO) as server:
        response = client.post(server.url(VENDORS[protocol]) + path, content=body)
        assert server.calls[0].outcome == "error"
    assert response.status_code == 400
    assert "JSON" in response.json()["error"]["message"]


def test_a_chat_stream_that_asks_for_no_usage_gets_none(client: httpx.Client) -> None:
    path, body = request("openai-chat", "hi", rounds=(), stream=True, tools=True)
    del body["stream_options"]
    with ModelServer(HELLO) as server:
        response = client.post(server.url("openai") + path, json=body)
        (call,) = server.calls
        assert server.expected_usage() == Usage(calls=1), "unknown is not nothing"
    assert hear("openai-chat", response).usage is None
    assert "usage" not in response.text
    assert call.usage == Usage(calls=1)


def test_a_gemini_stream_without_sse_is_a_json_array(client: httpx.Client) -> None:
    path, body = request("gemini", "hi", rounds=(), stream=True, tools=True)
    with ModelServer(HELLO) as server:
        response = client.post(server.url("gemini") + path.partition("?")[0], json=body)
    chunks = response.json()
    assert response.headers["content-type"] == "application/json"
    assert "".join(part["text"] for part in chunks[0]["candidates"][0]["content"]["parts"]) == "Hello."
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_usage_can_be_expected_of_some_calls() -> None:
    sessions = [
        Session(match=prompt, turns=[Answer((Text("x"),), Usage(input_tokens=tokens, output_tokens=0))])
        for prompt, tokens in (("one", 1), ("two", 20))
    ]
    with ModelServer(Script(sessions=sessions)) as server:
        for prompt in ("one", "two", "two"):
            ask(server, "anthropic", prompt)
        assert server.expected_usage().input_tokens == 41
        assert server.expected_usage(lambda call: "two" in call.prompt).input_tokens == 40


def test_waiting_for_calls_that_never_come_says_what_came() -> None:
    with ModelServer(HELLO) as server:
        ask(server, "gemini", "hi there")
        with pytest.raises(TimeoutError, match="hi there"):
            server.wait_for(lambda calls: len(calls) == 2, seconds=0.01)


def test_a_port_that_is_taken_is_one_clear_message() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EnvironmentProblem, match=f"127.0.0.1:{port}.*in use"):
            ModelServer(HELLO, port=port).__enter__()


def test_nothing_is_left_behind() -> None:
    before = threading.active_count()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            with ModelServer(HELLO) as server, httpx.Client(trust_env=False, verify=False) as client:
                for _ in range(2):  # the second on a connection that was kept alive
                    client.get(f"{server.url('openai')}/models")
        gc.collect()
    assert [str(warning.message) for warning in told] == []
    assert threading.active_count() == before


def test_a_server_that_was_never_used_stops() -> None:
    with ModelServer(HELLO):
        pass


def test_large_requests_are_read_whole() -> None:
    with ModelServer(Script(sessions=[Session(match="the end", turns=[Text("Read.")])])) as server:
        prompt = "x" * 3_000_000 + "the end"
        assert hear("anthropic", ask(server, "anthropic", prompt)).text == "Read."
        assert len(json.dumps(server.calls[0].body)) > 3_000_000


def test_notes_of_the_clis_are_no_prompts() -> None:
    items = [
        Item("user", "<environment_context>\n<cwd>/task 2</cwd>\n</environment_context>\n"),
        Item("user", "do task 1"),
        Item("user", "and be quick"),
        Item("call"),
        Item("result", "done"),
        Item("user", "<system-reminder>task 3</system-reminder>"),
        Item("result", "more"),
    ]
    assert prompt_and_results(items) == ("do task 1\nand be quick", ("done", "more"))
    assert prompt_and_results(items[:1]) == (items[0].text, ())
    assert prompt_and_results([]) == ("", ())


def test_results_that_are_missing_do_not_stop_the_session() -> None:
    script = Script(sessions=[Session(turns=[(Shell("a"), Shell("b")), Text("end")])])
    with ModelServer(script) as server:
        first = hear("openai-chat", ask(server, "openai-chat"))
        path, body = request("openai-chat", "any", rounds=[first], stream=False, tools=True)
        del body["messages"][-1]
        answer = httpx.post(server.url("openai") + path, json=body, trust_env=False, verify=False)
    assert hear("openai-chat", answer).text == "end"
