"""The arguments of the tool as JSON Schema, for the vendors that take it as it stands."""

from __future__ import annotations

from fabrik.judging.answer import FEEDBACK, PASSES
from fabrik.judging.wire.format import Json


def arguments() -> Json:
    """The schema of a verdict. OpenAI's strict tools want every property required, and no others allowed."""
    return {
        "type": "object",
        "properties": {
            "feedback": {"type": "string", "description": FEEDBACK},
            "pass": {"type": "boolean", "description": PASSES},
        },
        "required": ["feedback", "pass"],
        "additionalProperties": False,
    }
