"""Which API and which operation of it a path names, and where each vendor's key is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fabrik.testing.model_server.record import Kind
from fabrik.usage import Vendor, WireProtocol

# Below the server's root, as in the URLs it gives out; the bare paths are taken as well.
PREFIXES: Mapping[Vendor, str] = {"anthropic": "/anthropic", "openai": "/openai/v1", "gemini": "/gemini"}


@dataclass(frozen=True, kw_only=True)
class Route:
    """What a path asks for."""

    kind: Kind
    vendor: Vendor
    protocol: WireProtocol | None = None
    model: str = ""  # where the path names it
    stream: bool = False  # where the path says it


_PLAIN: Mapping[str, Route] = {
    "/anthropic/v1/messages": Route(kind="generate", vendor="anthropic", protocol="anthropic"),
    "/anthropic/v1/messages/count_tokens": Route(kind="count", vendor="anthropic", protocol="anthropic"),
    "/anthropic/v1/models": Route(kind="models", vendor="anthropic"),
    "/openai/v1/responses": Route(kind="generate", vendor="openai", protocol="openai-responses"),
    "/openai/v1/responses/input_tokens": Route(kind="count", vendor="openai", protocol="openai-responses"),
    "/openai/v1/chat/completions": Route(kind="generate", vendor="openai", protocol="openai-chat"),
    "/openai/v1/models": Route(kind="models", vendor="openai"),
}
_GEMINI = re.compile(r"/gemini/v1(?:beta|alpha)?/models(?:/(?P<model>[^/:]+):(?P<verb>\w+))?")
_GEMINI_KINDS: Mapping[str | None, Kind] = {
    None: "models",
    "generateContent": "generate",
    "streamGenerateContent": "generate",
    "countTokens": "count",
}


def route(path: str, headers: Mapping[str, str]) -> Route:
    """What this path asks for; kind "other" for paths that the vendor's API does not have."""
    vendor = _vendor(path, headers)
    if not path.startswith(f"/{vendor}/"):
        path = f"/{vendor}{path}"
    if (found := _PLAIN.get(path)) is not None:
        return found
    if (named := _GEMINI.fullmatch(path)) is not None and named["verb"] in _GEMINI_KINDS:
        kind = _GEMINI_KINDS[named["verb"]]
        return Route(
            kind=kind,
            vendor="gemini",
            protocol=None if kind == "models" else "gemini",
            model=named["model"] or "",
            stream=named["verb"] == "streamGenerateContent",
        )
    return Route(kind="other", vendor=vendor)


def _vendor(path: str, headers: Mapping[str, str]) -> Vendor:
    """Whose API it is: by the prefix, else by what only that vendor's requests have."""
    for vendor in PREFIXES:
        if path.startswith(f"/{vendor}/"):
            return vendor
    if path.startswith(("/v1beta/", "/v1alpha/")) or "x-goog-api-key" in headers:
        return "gemini"
    if path.startswith("/v1/messages") or "anthropic-version" in headers:
        return "anthropic"
    return "openai"


def received_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The API key of a request, wherever its vendor puts it."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else None
    return headers.get("x-api-key") or headers.get("x-goog-api-key") or bearer or query.get("key")
