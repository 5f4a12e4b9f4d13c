"""A model request without its protocol: the last prompt, the tool results since then, the tools on offer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from fabrik.usage import WireProtocol

# CLIs put notes of their own between the messages, each in a tag: <system-reminder>, <environment_context>.
NOTE = re.compile(r"\s*<([A-Za-z][\w.-]*)[^>]*>.*</\1>\s*", re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One piece of a conversation, in order."""

    kind: Literal["user", "assistant", "call", "result"]
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that the request offers."""

    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)  # JSON schema of each argument
    required: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What a request asks, in the words of no vendor."""

    protocol: WireProtocol
    model: str
    stream: bool
    states_usage: bool  # False: the request did not ask for usage, so none is sent
    prompt: str
    results: tuple[str, ...]  # of tools, since the prompt
    tools: tuple[Tool, ...]


def prompt_and_results(items: Iterable[Item]) -> tuple[str, tuple[str, ...]]:
    """The last prompt, without the CLI's notes around it, and the tool results after it.

    The notes are left out because they quote what a script must not be chosen by: paths, commits, the date.
    """
    items = list(items)
    said = [place for place, item in enumerate(items) if item.kind == "user"]
    prompts = [place for place in said if not NOTE.fullmatch(items[place].text)] or said
    if not prompts:
        return "", tuple(item.text for item in items if item.kind == "result")
    start = end = prompts[-1]
    while start > 0 and items[start - 1].kind == "user":
        start -= 1
    while end + 1 < len(items) and items[end + 1].kind == "user":
        end += 1
    prompt = "\n".join(items[place].text for place in prompts if start <= place <= end)
    return prompt, tuple(item.text for item in items[end + 1 :] if item.kind == "result")


def tool(name: str, schema: object) -> Tool:
    """A tool from its JSON schema; junk gives a tool without arguments."""
    fields = schema if isinstance(schema, Mapping) else {}
    properties, required = fields.get("properties"), fields.get("required")
    return Tool(
        name=name,
        properties=properties if isinstance(properties, Mapping) else {},
        required=tuple(required) if isinstance(required, list) else (),
    )


def text_of(content: object) -> str:
    """The text in a string, a list of content blocks, or a nested mixture, whatever the vendor calls it."""
    match content:
        case str():
            return content
        case list():
            return "\n".join(filter(None, (text_of(part) for part in content)))
        case {"text": str(text)}:
            return text
        case {"content": inner} | {"output": inner}:
            return text_of(inner)
        case _:
            return ""
