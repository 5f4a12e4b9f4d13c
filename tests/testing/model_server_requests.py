"""Requests as the CLIs make them, cut down to what decides an answer; readers of all kinds of answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from fabrik.testing.model_server import ModelServer
from fabrik.usage import Vendor, WireProtocol

Json = dict[str, Any]
PROTOCOLS: tuple[WireProtocol, ...] = ("anthropic", "openai-responses", "openai-chat", "gemini")
VENDORS: Mapping[WireProtocol, Vendor] = {
    "anthropic": "anthropic",
    "openai-responses": "openai",
    "openai-chat": "openai",
    "gemini": "gemini",
}
MODELS: Mapping[WireProtocol, str] = {
    "anthropic": "claude-sonnet-4-5",
    "openai-responses": "gpt-5.5",
    "openai-chat": "gpt-5.5",
    "gemini": "gemini-2.5-flash",
}
SHELL_TOOLS: Mapping[WireProtocol, tuple[str, str]] = {
    "anthropic": ("Bash", "command"),
    "openai-responses": ("exec_command", "cmd"),
    "openai-chat": ("bash", "command"),
    "gemini": ("run_shell_command", "command"),
}


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An answer, read the way a client reads it."""

    text: str
    calls: tuple[tuple[str, str, Json], ...]  # id, name, arguments
    usage: Json | None


def ask(
    server: ModelServer,
    protocol: WireProtocol,
    prompt: str = "do task 1",
    *,
    rounds: Sequence[Heard] = (),
    stream: bool = True,
    tools: bool = True,
    key: str = "sk-test",
) -> httpx.Response:
    """Ask for an answer; rounds: the answers with tool calls that came before, each with its results."""
    path, body = request(protocol, prompt, rounds=rounds, stream=stream, tools=tools)
    url = server.url(VENDORS[protocol]) + path
    return post(url, body, auth(protocol, key))


def post(url: str, body: Json, headers: Mapping[str, str]) -> httpx.Response:
    # Loading the certificates, which no test here needs, would take longer than a test.
    return httpx.post(url, json=body, headers=headers, timeout=30, verify=False, trust_env=False)


def auth(protocol: WireProtocol, key: str) -> dict[str, str]:
    match protocol:
        case "anthropic":
            return {"x-api-key": key, "anthropic-version": "2023-06-01"}
        case "gemini":
            return {"x-goog-api-key": key}
        case _:
            return {"authorization": f"Bearer {key}"}


def request(
    protocol: WireProtocol, prompt: str, *, rounds: Sequence[Heard], stream: bool, tools: bool
) -> tuple[str, Json]:
    name, argument = SHELL_TOOLS[protocol]
    schema = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    model = MODELS[protocol]
    if protocol == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        body: Json = {"contents": [_said("user", prompt)]}
        for heard in rounds:
            called = [
                {"functionCall": {"id": id_, "name": tool, "args": given}} for id_, tool, given in heard.calls
            ]
            body["contents"].append({"role": "model", "parts": called})
            answered = [
                {"functionResponse": {"id": id_, "name": tool, "response": {"output": "ok"}}}
                for id_, tool, _ in heard.calls
            ]
            body["contents"].append({"role": "user", "parts": answered})
        if tools:
            body["tools"] = [{"functionDeclarations": [{"name": name, "parametersJsonSchema": schema}]}]
        return f"/v1beta/models/{model}:{verb}", body
    body = {"model": model, "stream": stream}
    if protocol == "anthropic":
        body["messages"] = [{"role": "user", "content": prompt}]
        for heard in rounds:
            used = [
                {"type": "tool_use", "id": id_, "name": tool, "input": given}
                for id_, tool, given in heard.calls
            ]
            body["messages"].append({"role": "assistant", "content": used})
            results = [
                {"type": "tool_result", "tool_use_id": id_, "content": "ok"} for id_, _, _ in heard.calls
            ]
            body["messages"].append({"role": "user", "content": results})
        if tools:
            body["tools"] = [{"name": name, "input_schema": schema}]
        return "/v1/messages", body
    if protocol == "openai-responses":
        body["input"] = [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": prompt}]}
        ]
        for heard in rounds:
            for id_, tool, given in heard.calls:
                arguments = json.dumps(given)
                body["input"].append(
                    {"type": "function_call", "call_id": id_, "name": tool, "arguments": arguments}
                )
                body["input"].append({"type": "function_call_output", "call_id": id_, "output": "ok"})
        if tools:
            body["tools"] = [{"type": "function", "name": name, "parameters": schema}]
        return "/responses", body
    body["messages"] = [{"role": "system", "content": "be good"}, {"role": "user", "content": prompt}]
    for heard in rounds:
        functions = [
            {"id": id_, "type": "function", "function": {"name": tool, "arguments": json.dumps(given)}}
            for id_, tool, given in heard.calls
        ]
        body["messages"].append({"role": "assistant", "content": None, "tool_calls": functions})
        body["messages"] += [
            {"role": "tool", "tool_call_id": id_, "content": "ok"} for id_, _, _ in heard.calls
        ]
    if tools:
        body["tools"] = [{"type": "function", "function": {"name": name, "parameters": schema}}]
    if stream:
        body["stream_options"] = {"include_usage": True}
    return "/chat/completions", body


def _said(role: str, text: str) -> Json:
    return {"role": role, "parts": [{"text": text}]}


def events(text: str) -> list[Json]:
    """The data of all server-sent events but [DONE]. Raises ValueError when one is not JSON."""
    blocks = [block for block in text.split("\n\n") if block]
    lines = [line for block in blocks for line in block.split("\n") if line.startswith("data: ")]
    return [json.loads(line[6:]) for line in lines if line != "data: [DONE]"]


def hear(protocol: WireProtocol, response: httpx.Response) -> Heard:
    """Read an answer, streamed or whole."""
    assert response.status_code == 200, response.text
    if response.headers["content-type"].startswith("text/event-stream"):
        return STREAMED[protocol](events(response.text))
    return WHOLE[protocol](response.json())


def _anthropic(body: Json) -> Heard:
    blocks = body["content"]
    return Heard(
        text="".join(block["text"] for block in blocks if block["type"] == "text"),
        calls=tuple(
            (block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"
        ),
        usage=body["usage"],
    )


def _anthropic_stream(stream: list[Json]) -> Heard:
    assert [stream[0]["type"], stream[-1]["type"]] == ["message_start", "message_stop"]
    message = stream[0]["message"]
    for event in stream:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(message["content"])
                message["content"].append({**event["content_block"], "json": ""})
            case "content_block_delta":
                block, delta = message["content"][event["index"]], event["delta"]
                block["text"] = block.get("text", "") + delta.get("text", "")
                block["json"] += delta.get("partial_json", "")
            case "message_delta":
                message["usage"].update(event["usage"])
                message["stop_reason"] = event["delta"]["stop_reason"]
    for block in message["content"]:
        if block["type"] == "tool_use":
            block["input"] = json.loads(block["json"])
    heard = _anthropic(message)
    assert message["stop_reason"] == ("tool_use" if heard.calls else "end_turn")
    return heard


def _responses(body: Json) -> Heard:
    assert body["status"] == "completed"
    items = body["output"]
    return Heard(
        text="".join(item["content"][0]["text"] for item in items if item["type"] == "message"),
        calls=tuple(
            (item["call_id"], item["name"], json.loads(item["arguments"]))
            for item in items
            if item["type"] == "function_call"
        ),
        usage=body["usage"],
    )


def _responses_stream(stream: list[Json]) -> Heard:
    assert [event["sequence_number"] for event in stream] == list(range(len(stream)))
    pieces: dict[int, str] = {}
    for event in stream:
        if event["type"].endswith(".delta"):
            index = event["output_index"]
            pieces[index] = pieces.get(index, "") + event["delta"]
    done = [event["item"] for event in stream if event["type"] == "response.output_item.done"]
    last = stream[-1]
    assert last["type"] == "response.completed"
    assert last["response"]["output"] == done
    for index, item in enumerate(done):
        whole = item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"]
        assert pieces.get(index, "") == whole
    return _responses(last["response"])


def _chat(body: Json) -> Heard:
    message = body["choices"][0]["message"]
    calls = message.get("tool_calls") or ()
    return Heard(
        text=message["content"] or "",
        calls=tuple(
            (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in calls
        ),
        usage=body.get("usage"),
    )


def _chat_stream(stream: list[Json]) -> Heard:
    text, calls = "", dict[int, list[str]]()
    usage = None
    for chunk in stream:
        usage = chunk.get("usage") or usage
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                known = calls.setdefault(call["index"], [call.get("id"), call["function"].get("name"), ""])
                known[2] += call["function"]["arguments"]
    parsed = tuple((id_, name, json.loads(arguments)) for id_, name, arguments in calls.values())
    return Heard(text=text, calls=parsed, usage=usage)


def _gemini(body: Json) -> Heard:
    return _gemini_stream([body])


def _gemini_stream(stream: list[Json]) -> Heard:
    parts = [part for chunk in stream for part in chunk["candidates"][0]["content"]["parts"]]
    assert [chunk["candidates"][0].get("finishReason") for chunk in stream][-1] == "STOP"
    called = [part["functionCall"] for part in parts if "functionCall" in part]
    return Heard(
        text="".join(part.get("text", "") for part in parts),
        calls=tuple((call["id"], call["name"], call["args"]) for call in called),
        usage=stream[-1]["usageMetadata"],
    )


WHOLE = {
    "anthropic": _anthropic,
    "openai-responses": _responses,
    "openai-chat": _chat,
    "gemini": _gemini,
}
STREAMED = {
    "anthropic": _anthropic_stream,
    "openai-responses": _responses_stream,
    "openai-chat": _chat_stream,
    "gemini": _gemini_stream,
}
