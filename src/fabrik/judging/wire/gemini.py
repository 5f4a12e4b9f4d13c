"""Gemini generateContent, v1beta: inlineData, functionDeclarations, functionCallingConfig of mode ANY."""

from __future__ import annotations

from fabrik.judging.answer import DESCRIPTION, FEEDBACK, PASSES, TOOL, Said
from fabrik.judging.prompt import Picture, Prompt
from fabrik.judging.wire.format import MOST_OUTPUT, Json, Request, encoded, items, text

_DECLINED = frozenset(("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"))


def request(model: str, prompt: Prompt) -> Request:
    """A request that must be answered by a call of the function."""
    return Request(
        path=f"/gemini/v1beta/models/{model}:generateContent",
        body={
            "systemInstruction": {"parts": [{"text": prompt.instructions}]},
            "contents": [{"role": "user", "parts": [_part(part) for part in prompt.parts]}],
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": TOOL, "description": DESCRIPTION, "parameters": _schema()}
                    ]
                }
            ],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [TOOL]}},
            "generationConfig": {"maxOutputTokens": MOST_OUTPUT},
        },
    )


def _part(part: str | Picture) -> Json:
    if isinstance(part, str):
        return {"text": part}
    return {"inlineData": {"mimeType": part.type, "data": encoded(part)}}


def _schema() -> Json:
    return {
        "type": "OBJECT",
        "properties": {
            "feedback": {"type": "STRING", "description": FEEDBACK},
            "pass": {"type": "BOOLEAN", "description": PASSES},
        },
        "required": ["feedback", "pass"],
        "propertyOrdering": ["feedback", "pass"],
    }


def said(document: Json) -> Said:
    """What was said in the first candidate."""
    candidate = next(iter(items(document.get("candidates"))), {})
    content = candidate.get("content")
    parts = items(content.get("parts")) if isinstance(content, dict) else []
    ended = candidate.get("finishReason")
    feedback = document.get("promptFeedback")
    blocked = isinstance(feedback, dict) and bool(feedback.get("blockReason"))
    calls = [part["functionCall"] for part in parts if isinstance(part.get("functionCall"), dict)]
    return Said(
        calls=tuple((text(call.get("name")), call.get("args")) for call in calls),
        text="".join(text(part.get("text")) for part in parts if part.get("thought") is not True),
        unfinished=ended != "STOP",
        declined=blocked or ended in _DECLINED,
    )
