"""OpenAI Responses: input_image as a data URL, strict function tools, nothing stored."""

from __future__ import annotations

from fabrik.judging.answer import DESCRIPTION, TOOL, Said
from fabrik.judging.prompt import Picture, Prompt
from fabrik.judging.wire.format import MOST_OUTPUT, Json, Request, encoded, items, text
from fabrik.judging.wire.json_schema import arguments


def request(model: str, prompt: Prompt) -> Request:
    """A response that must be a call of the tool."""
    return Request(
        path="/openai/v1/responses",
        body={
            "model": model,
            "instructions": prompt.instructions,
            "input": [
                {"type": "message", "role": "user", "content": [_part(part) for part in prompt.parts]},
            ],
            "tools": [
                {
                    "type": "function",
                    "name": TOOL,
                    "description": DESCRIPTION,
                    "parameters": arguments(),
                    "strict": True,
                }
            ],
            "tool_choice": {"type": "function", "name": TOOL},
            "parallel_tool_calls": False,
            "max_output_tokens": MOST_OUTPUT,
            "store": False,
        },
    )


def _part(part: str | Picture) -> Json:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    return {
        "type": "input_image",
        "image_url": f"data:{part.type};base64,{encoded(part)}",
        "detail": "high",
    }


def said(document: Json) -> Said:
    """What was said in a response."""
    output = items(document.get("output"))
    parts = [part for item in output if item.get("type") == "message" for part in items(item.get("content"))]
    return Said(
        calls=tuple(
            (text(item.get("name")), text(item.get("arguments")))
            for item in output
            if item.get("type") == "function_call"
        ),
        text="".join(text(part.get("text")) for part in parts if part.get("type") == "output_text"),
        unfinished=document.get("status") != "completed",
        declined=any(part.get("type") == "refusal" for part in parts),
    )
