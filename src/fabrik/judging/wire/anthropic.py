"""Anthropic Messages, API version 2023-06-01: images, tools and tool_choice as in its API reference."""

from __future__ import annotations

from fabrik.judging.answer import DESCRIPTION, TOOL, Said
from fabrik.judging.prompt import Picture, Prompt
from fabrik.judging.wire.format import MOST_OUTPUT, Json, Request, encoded, items, text
from fabrik.judging.wire.json_schema import arguments


def request(model: str, prompt: Prompt) -> Request:
    """A message that must be answered by a call of the tool."""
    return Request(
        path="/anthropic/v1/messages",
        headers={"anthropic-version": "2023-06-01"},
        body={
            "model": model,
            "max_tokens": MOST_OUTPUT,
            "system": prompt.instructions,
            "messages": [{"role": "user", "content": [_block(part) for part in prompt.parts]}],
            "tools": [{"name": TOOL, "description": DESCRIPTION, "input_schema": arguments()}],
            "tool_choice": {"type": "tool", "name": TOOL, "disable_parallel_tool_use": True},
        },
    )


def _block(part: str | Picture) -> Json:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    source = {"type": "base64", "media_type": part.type, "data": encoded(part)}
    return {"type": "image", "source": source}


def said(document: Json) -> Said:
    """What was said in a message."""
    blocks = items(document.get("content"))
    stop = document.get("stop_reason")
    return Said(
        calls=tuple(
            (text(block.get("name")), block.get("input"))
            for block in blocks
            if block.get("type") == "tool_use"
        ),
        text="".join(text(block.get("text")) for block in blocks if block.get("type") == "text"),
        unfinished=stop not in ("tool_use", "end_turn", "refusal"),
        declined=stop == "refusal",
    )
