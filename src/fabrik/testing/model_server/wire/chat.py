"""OpenAI Chat Completions. Prompt tokens contain the cached ones, completion tokens the reasoning.

A cache write has no field of its own here, so its tokens are stated as fresh input.
"""

from __future__ import annotations

from collections.abc import Iterator

from fabrik.testing.model_server.conversation import Conversation, Item, prompt_and_results, text_of, tool
from fabrik.testing.model_server.wire.format import Frame, Json, Reply, dumps, known, pieces
from fabrik.usage import Usage


def read(body: Json, model: str, stream: bool) -> Conversation:
    """A request to /v1/chat/completions. A stream states usage only when its options ask for it."""
    streams = bool(body.get("stream", stream))
    options = body.get("stream_options") or {}
    prompt, results = prompt_and_results(_items(body))
    functions = [offer.get("function") or {} for offer in body.get("tools") or ()]
    return Conversation(
        protocol="openai-chat",
        model=str(body.get("model", model)),
        stream=streams,
        states_usage=not streams or bool(options.get("include_usage")),
        prompt=prompt,
        results=results,
        tools=tuple(
            tool(str(function["name"]), function.get("parameters"))
            for function in functions
            if "name" in function
        ),
    )


def _items(body: Json) -> Iterator[Item]:
    for message in body.get("messages", ()):
        text = text_of(message.get("content"))
        match message.get("role"):
            case "user":
                yield Item("user", text)
            case "tool":
                yield Item("result", text)
            case "assistant":
                if text:
                    yield Item("assistant", text)
                for _ in message.get("tool_calls") or ():
                    yield Item("call")


def stated(usage: Usage, conversation: Conversation) -> Usage:
    """Without a cache write; nothing at all where usage was not asked for."""
    if not conversation.states_usage:
        return Usage(calls=usage.calls)
    return Usage(
        input_tokens=known(usage.input_tokens) + known(usage.cache_write_tokens),
        cache_read_tokens=known(usage.cache_read_tokens),
        cache_write_tokens=0,
        output_tokens=known(usage.output_tokens),
        reasoning_tokens=known(usage.reasoning_tokens),
        calls=usage.calls,
    )


def _usage(usage: Usage) -> Json:
    prompt = known(usage.input_tokens) + known(usage.cache_read_tokens)
    completion = known(usage.output_tokens) + known(usage.reasoning_tokens)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": known(usage.cache_read_tokens), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": known(usage.reasoning_tokens),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _stop(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _calls(reply: Reply) -> list[Json]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": dumps(call.arguments)},
        }
        for call in reply.calls
    ]


def body(reply: Reply) -> Json:
    """The whole completion."""
    message: Json = {"role": "assistant", "content": reply.text or None, "refusal": None}
    if reply.calls:
        message["tool_calls"] = _calls(reply)
    return {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _stop(reply)}],
        "usage": _usage(reply.usage),
    }


def frames(reply: Reply) -> list[Frame]:
    """Chunks, and [DONE]."""
    return [*(Frame(data=chunk) for chunk in _chunks(reply)), Frame(data="[DONE]")]


def _chunks(reply: Reply) -> Iterator[Json]:
    head: Json = {
        "id": f"chatcmpl-{reply.id}",
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
    }

    def chunk(delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [choice], **({"usage": None} if reply.states_usage else {})}

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(reply.text):
        yield chunk({"content": piece})
    for index, call in enumerate(_calls(reply)):
        arguments = call["function"]["arguments"]
        opening = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        yield chunk({"tool_calls": [opening]})
        for piece in pieces(arguments):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, _stop(reply))
    if reply.states_usage:
        yield {**head, "choices": [], "usage": _usage(reply.usage)}


def error_frame(error: Json) -> Frame:
    """The error's body as a chunk."""
    return Frame(data=error)
