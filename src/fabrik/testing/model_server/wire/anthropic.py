"""Anthropic Messages. Input counts are disjoint; output_tokens contains the thinking named in its details."""

from __future__ import annotations

from collections.abc import Iterator

from fabrik.testing.model_server.conversation import Conversation, Item, prompt_and_results, text_of, tool
from fabrik.testing.model_server.wire.format import Frame, Json, Reply, dumps, known, pieces
from fabrik.usage import Usage


def read(body: Json, model: str, stream: bool) -> Conversation:
    """A request to /v1/messages."""
    prompt, results = prompt_and_results(_items(body))
    return Conversation(
        protocol="anthropic",
        model=str(body.get("model", model)),
        stream=bool(body.get("stream", stream)),
        states_usage=True,
        prompt=prompt,
        results=results,
        tools=tuple(
            tool(str(offer["name"]), offer.get("input_schema"))
            for offer in body.get("tools") or ()
            if "name" in offer
        ),
    )


def _items(body: Json) -> Iterator[Item]:
    for message in body.get("messages", ()):
        role, content = message.get("role"), message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
        for block in blocks:
            match role, block.get("type"):
                case "user", "tool_result":
                    yield Item("result", text_of(block.get("content")))
                case "user", "text":
                    yield Item("user", text_of(block))
                case "assistant", "tool_use":
                    yield Item("call")
                case "assistant", "text":
                    yield Item("assistant", text_of(block))


def stated(usage: Usage, conversation: Conversation) -> Usage:  # noqa: ARG001 - the shape of a wire module
    """All of it can be said."""
    return usage


def _input(usage: Usage) -> Json:
    return {
        "input_tokens": known(usage.input_tokens),
        "cache_creation_input_tokens": known(usage.cache_write_tokens),
        "cache_read_input_tokens": known(usage.cache_read_tokens),
    }


def _output(usage: Usage) -> Json:
    thinking = known(usage.reasoning_tokens)
    return {
        "output_tokens": known(usage.output_tokens) + thinking,
        "output_tokens_details": {"thinking_tokens": thinking},
    }


def _message(reply: Reply, content: list[Json], stop: str | None, usage: Json) -> Json:
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage,
    }


def _stop(reply: Reply) -> str:
    return "tool_use" if reply.calls else "end_turn"


def body(reply: Reply) -> Json:
    """The whole message."""
    content: list[Json] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in reply.calls
    ]
    return _message(reply, content, _stop(reply), {**_input(reply.usage), **_output(reply.usage)})


def frames(reply: Reply) -> list[Frame]:
    """message_start … message_stop."""
    return [Frame(event=str(data["type"]), data=data) for data in _stream(reply)]


def _stream(reply: Reply) -> Iterator[Json]:
    opening = {**_input(reply.usage), "output_tokens": 1}
    yield {"type": "message_start", "message": _message(reply, [], None, opening)}
    yield {"type": "ping"}
    index = 0
    if reply.text:
        yield _block_start(index, {"type": "text", "text": ""})
        for piece in pieces(reply.text):
            yield _block_delta(index, {"type": "text_delta", "text": piece})
        yield {"type": "content_block_stop", "index": index}
        index += 1
    for call in reply.calls:
        yield _block_start(index, {"type": "tool_use", "id": call.id, "name": call.name, "input": {}})
        for piece in pieces(dumps(call.arguments)):
            yield _block_delta(index, {"type": "input_json_delta", "partial_json": piece})
        yield {"type": "content_block_stop", "index": index}
        index += 1
    delta = {"stop_reason": _stop(reply), "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {**_input(reply.usage), **_output(reply.usage)}}
    yield {"type": "message_stop"}


def _block_start(index: int, block: Json) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": block}


def _block_delta(index: int, delta: Json) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def error_frame(error: Json) -> Frame:
    """An `error` event."""
    return Frame(event="error", data=error)
