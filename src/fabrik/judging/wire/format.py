"""What the vendors' formats have in common."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Protocol

from fabrik.judging.answer import Said
from fabrik.judging.prompt import Picture, Prompt

Json = dict[str, Any]

MOST_OUTPUT = 8192  # tokens of an answer, with the thinking of models that think


@dataclass(frozen=True, kw_only=True)
class Request:
    """A POST to the models door. No key is in it: the gateway adds the key."""

    path: str  # on the models door, such as /anthropic/v1/messages
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """One vendor's format. The modules beside this one are its implementations."""

    def request(self, model: str, prompt: Prompt) -> Request:
        """The request that asks this model."""
        ...

    def said(self, document: Json) -> Said:
        """What was said, from the body of a complete answer. Parts that are not understood are left out."""
        ...


def encoded(picture: Picture) -> str:
    """A picture as base64."""
    return base64.b64encode(picture.data).decode("ascii")


def items(value: object) -> list[Json]:
    """The objects in a list; nothing where there is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A text, or nothing."""
    return value if isinstance(value, str) else ""
