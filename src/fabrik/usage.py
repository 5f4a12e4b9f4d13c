"""Tokens and money of model calls. Unknown is None, and a sum with an unknown part stays unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

Vendor = Literal["anthropic", "openai", "gemini"]  # whose API a call speaks
WireProtocol = Literal["anthropic", "openai-responses", "openai-chat", "gemini"]

N = TypeVar("N", int, float)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Usage of one or more model calls. All token counts are disjoint: their sum is what was processed."""

    input_tokens: int | None = None  # fresh prompt tokens: neither read from nor written to a cache
    cache_read_tokens: int | None = None  # prompt tokens served from the provider's cache
    cache_write_tokens: int | None = None  # prompt tokens written to the provider's cache
    output_tokens: int | None = None  # visible answer and tool calls, without reasoning
    reasoning_tokens: int | None = None  # hidden thinking, where the provider reports it apart
    cost_usd: float | None = None  # from the dated price table; None when the model is not in it
    calls: int = 0  # model calls that were let through

    @property
    def total_tokens(self) -> int | None:
        """All tokens together, or None when a part is unknown."""
        parts = (
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.output_tokens,
            self.reasoning_tokens,
        )
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


NOTHING = Usage(
    input_tokens=0,
    cache_read_tokens=0,
    cache_write_tokens=0,
    output_tokens=0,
    reasoning_tokens=0,
    cost_usd=0.0,
    calls=0,
)


@dataclass(frozen=True, kw_only=True)
class ModelCall:
    """One call that a session made, when it ended (or was refused)."""

    id: int  # number within the run, in order of start
    step: str
    protocol: WireProtocol
    model: str | None
    status: (
        int  # HTTP status that the session got; 0: the upstream could not be reached or the stream was cut
    )
    usage: Usage
    price_table: str | None  # the table's date, None when no price was found
    attempts: int  # upstream requests made for it
    seconds: float
    outcome: Literal["ok", "refused", "upstream_error", "cut", "budget", "no_key"]
    retry_at: float | None = None  # seconds since the epoch, where the upstream named a time


def total(usages: Iterable[Usage]) -> Usage:
    """Add usages up; the empty sum is NOTHING. A field that is unknown in one is unknown in the sum."""
    result = NOTHING
    for usage in usages:
        result = Usage(
            input_tokens=_add(result.input_tokens, usage.input_tokens),
            cache_read_tokens=_add(result.cache_read_tokens, usage.cache_read_tokens),
            cache_write_tokens=_add(result.cache_write_tokens, usage.cache_write_tokens),
            output_tokens=_add(result.output_tokens, usage.output_tokens),
            reasoning_tokens=_add(result.reasoning_tokens, usage.reasoning_tokens),
            cost_usd=_add(result.cost_usd, usage.cost_usd),
            calls=result.calls + usage.calls,
        )
    return result


def known_parts(usages: Iterable[Usage]) -> Usage:
    """Add up what is known: at least so much was used, though the sum itself may be unknown."""
    return total(
        Usage(
            input_tokens=usage.input_tokens or 0,
            cache_read_tokens=usage.cache_read_tokens or 0,
            cache_write_tokens=usage.cache_write_tokens or 0,
            output_tokens=usage.output_tokens or 0,
            reasoning_tokens=usage.reasoning_tokens or 0,
            cost_usd=usage.cost_usd or 0.0,
            calls=usage.calls,
        )
        for usage in usages
    )


def _add(left: N | None, right: N | None) -> N | None:
    return None if left is None or right is None else left + right
