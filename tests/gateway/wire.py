"""Realistic answers of the four protocols, with the counts that they report."""

from __future__ import annotations

import json
from typing import Any

from fabrik.gateway.counts import Counts
from fabrik.usage import WireProtocol

SSE = (("content-type", "text/event-stream"),)


def sse(*events: dict[str, Any] | str, named: bool = False) -> bytes:
    """Events as they go over the wire."""
    out = []
    for event in events:
        if isinstance(event, str):
            out.append(f"data: {event}\n\n")
            continue
        name = f"event: {event['type']}\n" if named else ""
        out.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join(out).encode()


ANTHROPIC_EVENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "message_start",
        "message": {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5-20250929",
            "content": [],
            "stop_reason": None,
            "usage": {
                "input_tokens": 12,
                "cache_creation_input_tokens": 300,
                "cache_read_input_tokens": 4000,
                "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
                "output_tokens": 1,
                "service_tier": "standard",
            },
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": 'says "usage": {"output_tokens": 9999} – ünï'},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 57},
    },
    {"type": "message_stop"},
)
ANTHROPIC = sse(*ANTHROPIC_EVENTS, named=True)
ANTHROPIC_COUNTS = Counts(
    input=12, cache_read=4000, cache_write=300, cache_write_1h=100, output=57, reasoning=0
)

RESPONSES_EVENTS: tuple[dict[str, Any], ...] = (
    {
        "type": "response.created",
        "response": {"id": "resp_1", "model": "gpt-5.5", "status": "in_progress", "usage": None},
    },
    {"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "delta": "Hello"},
    {
        "type": "response.completed",
        "response": {
            "id": "resp_1",
            "model": "gpt-5.5",
            "status": "completed",
            "service_tier": "default",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}],
            "usage": {
                "input_tokens": 1300,
                "input_tokens_details": {"cached_tokens": 1024},
                "output_tokens": 90,
                "output_tokens_details": {"reasoning_tokens": 64},
                "total_tokens": 1390,
            },
        },
    },
)
RESPONSES = sse(*RESPONSES_EVENTS, named=True)
RESPONSES_COUNTS = Counts(input=276, cache_read=1024, cache_write=0, output=26, reasoning=64)

CHAT_EVENTS: tuple[dict[str, Any] | str, ...] = (
    {"id": "c", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]},
    {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": None,
    },
    {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": {
            "prompt_tokens": 500,
            "completion_tokens": 40,
            "total_tokens": 540,
            "prompt_tokens_details": {"cached_tokens": 128},
            "completion_tokens_details": {"reasoning_tokens": 10},
        },
    },
    "[DONE]",
)
CHAT = sse(*CHAT_EVENTS)
CHAT_COUNTS = Counts(input=372, cache_read=128, cache_write=0, output=30, reasoning=10)

GEMINI_EVENTS: tuple[dict[str, Any], ...] = (
    {
        "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 700, "totalTokenCount": 703, "thoughtsTokenCount": 3},
        "modelVersion": "gemini-2.5-flash",
    },
    {
        "candidates": [{"content": {"parts": [{"text": "!"}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 700,
            "cachedContentTokenCount": 600,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 33,
            "toolUsePromptTokenCount": 5,
            "totalTokenCount": 758,
        },
        "modelVersion": "gemini-2.5-flash",
    },
)
GEMINI = sse(*GEMINI_EVENTS)
GEMINI_COUNTS = Counts(input=105, cache_read=600, cache_write=0, output=20, reasoning=33)

STREAMS: dict[WireProtocol, tuple[bytes, Counts]] = {
    "anthropic": (ANTHROPIC, ANTHROPIC_COUNTS),
    "openai-responses": (RESPONSES, RESPONSES_COUNTS),
    "openai-chat": (CHAT, CHAT_COUNTS),
    "gemini": (GEMINI, GEMINI_COUNTS),
}
TARGETS: dict[WireProtocol, str] = {
    "anthropic": "/anthropic/v1/messages",
    "openai-responses": "/openai/v1/responses",
    "openai-chat": "/openai/v1/chat/completions",
    "gemini": "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
}
MODELS: dict[WireProtocol, str] = {
    "anthropic": "claude-sonnet-4-5",
    "openai-responses": "gpt-5.5",
    "openai-chat": "gpt-5.5",
    "gemini": "gemini-2.5-flash",
}
PROTOCOLS: tuple[WireProtocol, ...] = tuple(STREAMS)


def ask(protocol: WireProtocol, **more: Any) -> dict[str, Any]:
    """The body of a small request."""
    if protocol == "gemini":
        return {"contents": [{"parts": [{"text": "hi"}]}], **more}
    if protocol == "openai-responses":
        return {"model": MODELS[protocol], "input": "hi", "stream": True, **more}
    messages = [{"role": "user", "content": "hi"}]
    return {"model": MODELS[protocol], "messages": messages, "stream": True, "max_tokens": 100, **more}
