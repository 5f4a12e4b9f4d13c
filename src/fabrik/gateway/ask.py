"""What a session asks for: the facts of a request's body that matter here, and the body as it goes out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fabrik.gateway.routes import Route

LARGEST_BODY = 64 * 1024 * 1024  # bytes
UNSTATED_OUTPUT = 8192  # tokens reserved for a call that names no limit of its output

_USUAL_TIERS = frozenset((None, "auto", "default", "standard", "standard_only"))


class BadAsk(Exception):
    """A request that cannot be passed on. Its text is for the session."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A model call as asked for."""

    model: str | None
    max_output: int  # tokens
    usual_tier: bool  # False: priced differently from the table
    body: bytes


def ask_of(route: Route, body: bytes) -> Ask:
    """Read a call's body.

    A Chat Completions stream reports its usage only when asked to, so the gateway asks: the client then gets
    one more chunk, with usage and without choices, as the API documents it. Nothing is hidden from it.

    Raises BadAsk for what is not a JSON object, and for background work, which would run on unmetered.
    """
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise BadAsk("the body of the request is not JSON") from None
    if not isinstance(document, dict):
        raise BadAsk("the body of the request is not a JSON object")
    if document.get("background"):
        raise BadAsk("background responses cannot be metered; ask for the answer in the same request")
    model = document.get("model") if route.protocol != "gemini" else route.model
    return Ask(
        model=model[:200] if isinstance(model, str) else None,
        max_output=_max_output(document),
        usual_tier=_usual_tier(document),
        body=_with_usage(document, body) if route.protocol == "openai-chat" else body,
    )


def _max_output(document: dict[str, Any]) -> int:
    config = document.get("generationConfig")
    places = (
        document.get("max_tokens"),
        document.get("max_completion_tokens"),
        document.get("max_output_tokens"),
        config.get("maxOutputTokens") if isinstance(config, dict) else None,
    )
    stated = [place for place in places if type(place) is int and place >= 0]
    return min(max(stated), 10**9) if stated else UNSTATED_OUTPUT


def _usual_tier(document: dict[str, Any]) -> bool:
    tier = document.get("service_tier")
    return (tier is None or (isinstance(tier, str) and tier in _USUAL_TIERS)) and document.get(
        "speed"
    ) != "fast"


def _with_usage(document: dict[str, Any], body: bytes) -> bytes:
    if document.get("stream") is not True:
        return body
    options = document.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is True:
        return body
    return json.dumps({**document, "stream_options": {**options, "include_usage": True}}).encode()
