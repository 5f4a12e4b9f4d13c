"""The small answers: lists of models, and token counts of a request that is not made."""

from __future__ import annotations

from collections.abc import Sequence

from fabrik.testing.model_server.wire.format import Json, known
from fabrik.usage import Usage, Vendor

OF_VENDOR = {"anthropic": ("claude",), "openai": ("gpt", "o"), "gemini": ("gemini",)}
CREATED = 1_700_000_000  # any time will do


def models(vendor: Vendor, names: Sequence[str]) -> Json:
    """The vendor's list of models: those that are named like its own, or all when none is."""
    own = [name for name in names if name.startswith(OF_VENDOR[vendor])] or list(names)
    match vendor:
        case "anthropic":
            data = [
                {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}
                for name in own
            ]
            first, last = (own[0], own[-1]) if own else (None, None)
            return {"data": data, "has_more": False, "first_id": first, "last_id": last}
        case "openai":
            return {
                "object": "list",
                "data": [
                    {"id": name, "object": "model", "created": CREATED, "owned_by": "scripted"}
                    for name in own
                ],
            }
        case "gemini":
            return {
                "models": [
                    {
                        "name": f"models/{name}",
                        "displayName": name,
                        "supportedGenerationMethods": ["generateContent", "countTokens"],
                    }
                    for name in own
                ]
            }


def count(vendor: Vendor, usage: Usage) -> Json:
    """How many tokens the request would take in, cached or not."""
    tokens = known(usage.input_tokens) + known(usage.cache_read_tokens) + known(usage.cache_write_tokens)
    match vendor:
        case "anthropic":
            return {"input_tokens": tokens}
        case "openai":
            return {"object": "response.input_tokens", "input_tokens": tokens}
        case "gemini":
            return {"totalTokens": tokens}
