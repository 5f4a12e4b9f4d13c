"""What the models door serves: a closed list of paths. All that is not on it is refused.

Inside a sandbox the base addresses are `/anthropic`, `/openai/v1` and `/gemini` on the models door. Only
what can be metered, or costs nothing, is on the list: batches, files and stored background work would go
around the metering.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from fabrik.usage import Vendor, WireProtocol

_NAME = r"[A-Za-z0-9][A-Za-z0-9._:@-]*"  # a model's name; as it cannot start with a dot, no way upwards
_QUERY = frozenset(
    ("alt", "beta", "after", "limit", "order", "after_id", "before_id", "pageSize", "pageToken")
)

Kind = Literal["call", "free", "local"]  # metered model call, forwarded without metering, answered here

_PREFIXES: tuple[tuple[str, Vendor], ...] = (
    ("/anthropic", "anthropic"),
    ("/openai/v1", "openai"),
    ("/gemini", "gemini"),
)
_TABLE: dict[Vendor, tuple[tuple[str, str, Kind, WireProtocol | None], ...]] = {
    "anthropic": (
        ("POST", r"/v1/messages", "call", "anthropic"),
        ("POST", r"/v1/messages/count_tokens", "free", None),
        ("GET", rf"/v1/models(?:/{_NAME})?", "free", None),
        ("HEAD", r"/(?:api/hello)?", "local", None),
        ("GET", r"/(?:api/hello)?", "local", None),
    ),
    "openai": (
        ("POST", r"/responses(?:/compact)?", "call", "openai-responses"),
        ("POST", r"/responses/input_tokens", "free", None),
        ("POST", r"/chat/completions", "call", "openai-chat"),
        ("GET", rf"/models(?:/{_NAME})?", "free", None),
    ),
    "gemini": (
        (
            "POST",
            rf"/v1(?:beta|alpha)?/models/(?P<model>{_NAME}):(?:generateContent|streamGenerateContent)",
            "call",
            "gemini",
        ),
        ("POST", rf"/v1(?:beta|alpha)?/models/{_NAME}:countTokens", "free", None),
        ("GET", rf"/v1(?:beta|alpha)?/models(?:/{_NAME})?", "free", None),
    ),
}
_ROUTES: dict[Vendor, tuple[tuple[str, re.Pattern[str], Kind, WireProtocol | None], ...]] = {
    vendor: tuple((method, re.compile(pattern), kind, protocol) for method, pattern, kind, protocol in rows)
    for vendor, rows in _TABLE.items()
}


@dataclass(frozen=True, kw_only=True)
class Route:
    """A request that the door serves."""

    vendor: Vendor
    kind: Kind
    protocol: WireProtocol | None  # set for calls
    path: str  # below the upstream's base address, with the part of the query that may pass
    model: str | None = None  # where it is in the path


def vendor_of(target: str) -> Vendor:
    """Whose shape an answer to this target has; OpenAI's where none is named."""
    for prefix, vendor in _PREFIXES:
        if target.startswith(prefix.removesuffix("/v1")):
            return vendor
    return "openai"


def find(method: str, target: str) -> Route | None:
    """The route of a request, or None. A key in the query is dropped here, with all that is not known."""
    path, _, query = target.partition("?")
    for prefix, vendor in _PREFIXES:
        if not path.startswith(prefix):
            continue
        rest = path.removeprefix(prefix) or "/"
        for wanted, pattern, kind, protocol in _ROUTES[vendor]:
            if wanted == method and (match := pattern.fullmatch(rest)):
                pairs = [(name, value) for name, value in parse_qsl(query) if name in _QUERY]
                return Route(
                    vendor=vendor,
                    kind=kind,
                    protocol=protocol,
                    path=f"{rest}?{urlencode(pairs)}" if pairs else rest,
                    model=match.groupdict().get("model"),
                )
    return None
