"""OpenAI Responses. Input tokens contain the cached and the written ones, output tokens the reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from fabrik.testing.model_server.conversation import Conversation, Item, prompt_and_results, text_of, tool
from fabrik.testing.model_server.wire.format import Frame, Json, Reply, dumps, known, pieces
from fabrik.usage import Usage


def read(body: Json, model: str, stream: bool) -> Conversation:
    """A request to /v1/responses."""
    prompt, results = prompt_and_results(_items(body))
    return Conversation(
        protocol="openai-responses",
        model=str(body.get("model", model)),
        stream=bool(body.get("stream", stream)),
        states_usage=True,
        prompt=prompt,
        results=results,
        tools=tuple(
            tool(str(offer["name"]), offer.get("parameters"))
            for offer in body.get("tools") or ()
            if offer.get("type") == "function" and "name" in offer
        ),
    )


def _items(body: Json) -> Iterator[Item]:
    given = body.get("input") or ()
    if isinstance(given, str):
        yield Item("user", given)
        return
    for item in given:
        kind = str(item.get("type", "message"))
        if kind == "message":
            role = item.get("role")
            if role == "user":
                yield Item("user", text_of(item.get("content")))
            elif role == "assistant":
                yield Item("assistant", text_of(item.get("content")))
        elif kind.endswith("_call_output"):
            yield Item("result", text_of(item.get("output")))
        elif kind.endswith("_call"):
            yield Item("call")


def stated(usage: Usage, conversation: Conversation) -> Usage:  # noqa: ARG001 - the shape of a wire module
    """All of it can be said."""
    return usage


def _usage(usage: Usage) -> Json:
    cached, written = known(usage.cache_read_tokens), known(usage.cache_write_tokens)
    given = known(usage.input_tokens) + cached + written
    made = known(usage.output_tokens) + known(usage.reasoning_tokens)
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": known(usage.reasoning_tokens)},
        "total_tokens": given + made,
    }


def _response(reply: Reply, status: str, output: list[Json], usage: Json | None) -> Json:
    return {
        "id": f"resp_{reply.id}",
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage,
    }


def _message(reply: Reply) -> Json:
    return {
        "id": f"msg_{reply.id}",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [_text(reply.text)],
    }


def _text(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _output(reply: Reply) -> list[Json]:
    messages = [_message(reply)] if reply.text else []
    return messages + [
        {
            "id": f"fc_{call.id}",
            "type": "function_call",
            "status": "completed",
            "call_id": call.id,
            "name": call.name,
            "arguments": dumps(call.arguments),
        }
        for call in reply.calls
    ]


def body(reply: Reply) -> Json:
    """The whole response."""
    return _response(reply, "completed", _output(reply), _usage(reply.usage))


def frames(reply: Reply) -> list[Frame]:
    """response.created … response.completed, numbered."""
    numbers = count()
    return [
        Frame(event=str(data["type"]), data={**data, "sequence_number": next(numbers)})
        for data in _stream(reply)
    ]


def _stream(reply: Reply) -> Iterator[Json]:
    for kind in ("response.created", "response.in_progress"):
        yield {"type": kind, "response": _response(reply, "in_progress", [], None)}
    for index, item in enumerate(_output(reply)):
        place = {"output_index": index}
        is_text = item["type"] == "message"
        begun: Json = {**item, "status": "in_progress", **({"content": []} if is_text else {"arguments": ""})}
        yield {"type": "response.output_item.added", **place, "item": begun}
        yield from _text_events(item, place) if is_text else _argument_events(item, place)
        yield {"type": "response.output_item.done", **place, "item": item}
    yield {"type": "response.completed", "response": body(reply)}


def _text_events(item: Json, place: Json) -> Iterator[Json]:
    part = item["content"][0]
    at = {**place, "item_id": item["id"], "content_index": 0}
    yield {"type": "response.content_part.added", **at, "part": _text("")}
    for piece in pieces(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


def _argument_events(item: Json, place: Json) -> Iterator[Json]:
    at = {**place, "item_id": item["id"]}
    for piece in pieces(item["arguments"]):
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    yield {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}


def error_frame(error: Json) -> Frame:
    """A `response.failed` event."""
    told = error["error"]
    failure = {"code": told["code"] or told["type"], "message": told["message"]}
    failed = {"id": "resp_failed", "object": "response", "status": "failed", "error": failure, "output": []}
    return Frame(event="response.failed", data={"type": "response.failed", "response": failed})
