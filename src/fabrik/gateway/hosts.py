"""Where each vendor's API is and which key the host adds, from the host's environment and the config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args
from urllib.parse import urlsplit

from fabrik.errors import UsageError
from fabrik.gateway.types import Upstream, UpstreamSettings
from fabrik.usage import Vendor

_BASE_URLS: dict[Vendor, str] = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "gemini": "https://generativelanguage.googleapis.com",
}
_BASE_URL_VARIABLES: dict[Vendor, str] = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "gemini": "GOOGLE_GEMINI_BASE_URL",
}
_KEY_VARIABLES: dict[Vendor, tuple[str, ...]] = {
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "openai": ("OPENAI_API_KEY",),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
}
_BEARER_VARIABLE = "ANTHROPIC_AUTH_TOKEN"


def key_variable(vendor: Vendor) -> str:
    """The usual variable for a vendor's key, for messages."""
    return _KEY_VARIABLES[vendor][0]


def upstreams_from_environment(
    env: Mapping[str, str], settings: Mapping[Vendor, UpstreamSettings] | None = None
) -> Mapping[Vendor, Upstream]:
    """An upstream for each vendor. What the config sets wins over the environment; empty means unset.

    Raises UsageError, with all problems at once, for an address that is not plain http(s).
    """
    problems: list[str] = []
    upstreams: dict[Vendor, Upstream] = {}
    for vendor in get_args(Vendor):
        chosen = (settings or {}).get(vendor) or UpstreamSettings()
        variables = (chosen.key_env,) if chosen.key_env else _KEY_VARIABLES[vendor]
        found = next((name for name in variables if env.get(name, "").strip()), None)
        source, base_url = _base_url(vendor, env, chosen)
        if problem := _problem_with(base_url):
            problems.append(f"{source}: {problem}")
        key = env[found].strip() if found else None
        if key is not None and not (key.isascii() and key.isprintable()):
            problems.append(f"{found}: the key has characters that no HTTP header can carry")
        upstreams[vendor] = Upstream(
            base_url=base_url,
            key=key,
            key_env=found or variables[0],
            bearer=found == _BEARER_VARIABLE,
        )
    if problems:
        raise UsageError(
            "; ".join(problems),
            where="model providers",
            todo="give an address like https://host/path, without user, query or fragment",
        )
    return upstreams


def _base_url(vendor: Vendor, env: Mapping[str, str], chosen: UpstreamSettings) -> tuple[str, str]:
    if chosen.base_url:
        return f"upstream {vendor}", chosen.base_url.rstrip("/")
    variable = _BASE_URL_VARIABLES[vendor]
    return variable, env.get(variable, "").strip().rstrip("/") or _BASE_URLS[vendor]


def _problem_with(base_url: str) -> str | None:
    """Why an address cannot be used; never quotes it, because it may hold a password."""
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        return "not an address"
    if parts.scheme not in ("http", "https"):
        return "not an http or https address"
    if not parts.hostname:
        return "names no host"
    if "@" in parts.netloc:
        return "has a user or password in it"
    if parts.query or parts.fragment:
        return "has a query or fragment"
    if any(character.isspace() or not character.isprintable() for character in base_url):
        return "has spaces or control characters"
    return None
