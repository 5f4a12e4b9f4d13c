"""Gemini generateContent. Prompt tokens contain the cached ones; thoughts stand beside the candidates.

A cache write has no field of its own here, so its tokens are stated as fresh input.
"""

from __future__ import annotations

from collections.abc import Iterator

from fabrik.testing.model_server.conversation import Conversation, Item, prompt_and_results, text_of, tool
from fabrik.testing.model_server.wire.format import Frame, Json, Reply, known, pieces
from fabrik.usage import Usage


def read(body: Json, model: str, stream: bool) -> Conversation:
    """A request to models/NAME:generateContent or :streamGenerateContent."""
    prompt, results = prompt_and_results(_items(body))
    offers = [
        declaration
        for group in body.get("tools") or ()
        for declaration in group.get("functionDeclarations") or group.get("function_declarations") or ()
    ]
    return Conversation(
        protocol="gemini",
        model=model,
        stream=stream,
        states_usage=True,
        prompt=prompt,
        results=results,
        tools=tuple(
            tool(str(offer["name"]), offer.get("parametersJsonSchema") or offer.get("parameters"))
            for offer in offers
            if "name" in offer
        ),
    )


def _items(body: Json) -> Iterator[Item]:
    for content in body.get("contents", ()):
        from_model = content.get("role") == "model"
        for part in content.get("parts") or ():
            if "functionResponse" in part:
                yield Item("result", text_of(part["functionResponse"].get("response")))
            elif "functionCall" in part:
                yield Item("call")
            elif "text" in part and not part.get("thought"):
                yield Item("assistant" if from_model else "user", text_of(part))


def stated(usage: Usage, conversation: Conversation) -> Usage:  # noqa: ARG001 - the shape of a wire module
    """Without a cache write."""
    return Usage(
        input_tokens=known(usage.input_tokens) + known(usage.cache_write_tokens),
        cache_read_tokens=known(usage.cache_read_tokens),
        cache_write_tokens=0,
        output_tokens=known(usage.output_tokens),
        reasoning_tokens=known(usage.reasoning_tokens),
        calls=usage.calls,
    )


def _usage(usage: Usage) -> Json:
    cached, thoughts = known(usage.cache_read_tokens), known(usage.reasoning_tokens)
    prompt, candidates = known(usage.input_tokens) + cached, known(usage.output_tokens)
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + candidates + thoughts,
    }


def _chunk(reply: Reply, parts: list[Json], *, last: bool) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    usage = _usage(reply.usage)
    if not last:  # the real service states the prompt early and the rest when it is known
        usage = {"promptTokenCount": usage["promptTokenCount"], "totalTokenCount": usage["promptTokenCount"]}
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": reply.model,
        "responseId": reply.id,
    }


def _calls(reply: Reply) -> list[Json]:
    return [
        {"functionCall": {"id": call.id, "name": call.name, "args": dict(call.arguments)}}
        for call in reply.calls
    ]


def body(reply: Reply) -> Json:
    """The whole response."""
    return _chunk(reply, [*([{"text": reply.text}] if reply.text else []), *_calls(reply)], last=True)


def frames(reply: Reply) -> list[Frame]:
    """A chunk for each piece of text, one with the calls, and a last one with the usage."""
    parts: list[list[Json]] = [[{"text": piece}] for piece in pieces(reply.text)]
    if reply.calls:
        parts.append(_calls(reply))
    # The service ends a stream with an empty text; only an answer with nothing in it has no parts at all.
    ending: list[Json] = [{"text": ""}] if parts else []
    chunks = [_chunk(reply, part, last=False) for part in parts]
    return [Frame(data=chunk) for chunk in [*chunks, _chunk(reply, ending, last=True)]]


def error_frame(error: Json) -> Frame:
    """The error's body as a chunk."""
    return Frame(data=error)
