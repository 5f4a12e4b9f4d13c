"""Token counts of one model call, made disjoint, as each protocol reports them.

Each reader takes the protocol's own `usage` object. Where a total is reported and a part of it is not, the
part counts as 0: it is contained in the total, and the sum stays what was processed. Where the total itself
is not reported, it stays None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fabrik.usage import Usage

Reported = Mapping[str, Any]  # a JSON object that somebody else wrote


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the protocol has reported so far; disjoint. None: not reported."""

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int = 0  # the part of cache_write that is kept for an hour (Anthropic)
    output: int | None = None
    reasoning: int | None = None

    @property
    def known(self) -> int:
        """The sum of what is known."""
        return (
            (self.input or 0)
            + (self.cache_read or 0)
            + (self.cache_write or 0)
            + (self.output or 0)
            + (self.reasoning or 0)
        )

    def usage(self, *, cost_usd: float | None) -> Usage:
        """As the ledger keeps it, for one call."""
        return Usage(
            input_tokens=self.input,
            cache_read_tokens=self.cache_read,
            cache_write_tokens=self.cache_write,
            output_tokens=self.output,
            reasoning_tokens=self.reasoning,
            cost_usd=cost_usd,
            calls=1,
        )


UNKNOWN = Counts()


def anthropic(usage: Reported, before: Counts = UNKNOWN) -> Counts:
    """Anthropic Messages: input excludes both cache counts; thinking is part of the output.

    A stream reports input in message_start and cumulative counts in message_delta: what a later report leaves
    out keeps its value. https://docs.anthropic.com/en/docs/build-with-claude/streaming
    """
    fresh = _count(usage, "input_tokens")
    fresh = before.input if fresh is None else fresh
    read = _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    kept = _count(_object(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    output = _count(usage, "output_tokens")
    absent = None if fresh is None else 0
    thinking = _count(_object(usage, "output_tokens_details"), "thinking_tokens")
    visible, hidden = _split(output, thinking)
    return Counts(
        input=fresh,
        cache_read=_first(read, before.cache_read, absent),
        cache_write=_first(written, before.cache_write, absent),
        cache_write_1h=kept if kept is not None else before.cache_write_1h,
        output=before.output if output is None else visible,
        reasoning=before.reasoning if output is None else hidden,
    )


def openai_responses(usage: Reported) -> Counts:
    """OpenAI Responses: input includes what the cache served and stored; output includes reasoning.

    https://platform.openai.com/docs/api-reference/responses/object
    """
    return _openai(usage, "input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details")


def openai_chat(usage: Reported) -> Counts:
    """Chat Completions: prompt includes what the cache served; completion includes reasoning.

    https://platform.openai.com/docs/api-reference/chat/object
    """
    return _openai(
        usage, "prompt_tokens", "prompt_tokens_details", "completion_tokens", "completion_tokens_details"
    )


def gemini(usage: Reported) -> Counts:
    """Gemini usageMetadata: prompt includes the cached content; thoughts are apart from the candidates.

    Tool-use prompt tokens are apart from the prompt. https://ai.google.dev/api/generate-content#UsageMetadata
    """
    prompt = _count(usage, "promptTokenCount")
    cached = _count(usage, "cachedContentTokenCount")
    tools = _count(usage, "toolUsePromptTokenCount") or 0
    candidates = _count(usage, "candidatesTokenCount")
    thoughts = _count(usage, "thoughtsTokenCount")
    absent = None if prompt is None else 0
    fresh, read = _split(prompt, cached)
    return Counts(
        input=None if fresh is None else fresh + tools,
        cache_read=read,
        cache_write=absent,
        output=_first(candidates, absent),
        reasoning=_first(thoughts, None if candidates is None else 0, absent),
    )


READERS: dict[str, Callable[[Reported], Counts]] = {
    "anthropic": anthropic,
    "openai-responses": openai_responses,
    "openai-chat": openai_chat,
    "gemini": gemini,
}


def _openai(usage: Reported, prompt: str, prompt_parts: str, answer: str, answer_parts: str) -> Counts:
    given = _object(usage, prompt_parts)
    whole = _count(usage, prompt)
    rest, read = _split(whole, _count(given, "cached_tokens"))
    fresh, written = _split(rest, _count(given, "cache_write_tokens"))
    visible, hidden = _split(_count(usage, answer), _count(_object(usage, answer_parts), "reasoning_tokens"))
    return Counts(input=fresh, cache_read=read, cache_write=written, output=visible, reasoning=hidden)


def _split(whole: int | None, part: int | None) -> tuple[int | None, int | None]:
    """A total without its part, and the part. A part that is larger than its total is cut to it."""
    if whole is None:
        return None, None
    inside = min(part or 0, whole)
    return whole - inside, inside


def _count(usage: Reported, name: str) -> int | None:
    """A count, if it is one: a whole number, not negative, not absurd."""
    value = usage.get(name)
    return value if type(value) is int and 0 <= value < 10**12 else None


def _object(usage: Reported, name: str) -> Reported:
    value = usage.get(name)
    return value if isinstance(value, dict) else {}


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
