"""Logins that exist as files: where each CLI keeps its own, and what is in it.

claude: ~/.claude/.credentials.json ($CLAUDE_CONFIG_DIR): claudeAiOauth {accessToken, refreshToken,
  expiresAt}, in milliseconds since the epoch
codex: ~/.codex/auth.json ($CODEX_HOME): OPENAI_API_KEY, or tokens {access_token (a JWT), refresh_token}
pi: ~/.pi/agent/auth.json ($PI_CODING_AGENT_DIR): provider → {type: api_key, key}, or {type: oauth, access,
  refresh, expires}, in milliseconds since the epoch
github: ~/.config/gh/hosts.yml ($GH_CONFIG_DIR): host: oauth_token
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Unreadable(Exception):
    """The content is not of the format. Says what is wrong, and never a part of the content."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """One login in a file. Its repr shows no token."""

    name: str  # of the provider or host
    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)  # it rotates: whoever uses it makes it useless
    expires_at: float | None = None  # of the access token, seconds since the epoch


@dataclass(frozen=True, kw_only=True)
class Login:
    """A CLI whose login is a file."""

    name: str
    variable: str | None  # of the environment, that moves its directory
    directory: str  # below the home directory
    file: str
    renew: str  # the command that logs in anew
    read: Callable[[bytes], tuple[Held, ...]]  # raises Unreadable

    def path(self, env: Mapping[str, str], home: Path) -> Path:
        """Where the file is."""
        moved = env.get(self.variable, "").strip() if self.variable else ""
        return (Path(moved) if moved else home / self.directory) / self.file


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise Unreadable("is no JSON") from None
    if not isinstance(document, dict):
        raise Unreadable("is no JSON object")
    return document


def _text(of: Mapping[str, Any], key: str, where: str) -> str:
    value = of.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(f"has no {where}{key}")
    return value


def _optional(of: Mapping[str, Any], key: str) -> str | None:
    value = of.get(key)
    return value if isinstance(value, str) and value else None


def _milliseconds(value: Any) -> float | None:
    return value / 1000 if isinstance(value, int | float) and not isinstance(value, bool) else None


def _claude(data: bytes) -> tuple[Held, ...]:
    said = _document(data).get("claudeAiOauth")
    if not isinstance(said, dict):
        raise Unreadable("has no claudeAiOauth")
    return (
        Held(
            name="claude",
            access=_text(said, "accessToken", "claudeAiOauth."),
            refresh=_optional(said, "refreshToken"),
            expires_at=_milliseconds(said.get("expiresAt")),
        ),
    )


def _codex(data: bytes) -> tuple[Held, ...]:
    document = _document(data)
    held = []
    if key := _optional(document, "OPENAI_API_KEY"):
        held.append(Held(name="openai", access=key))
    tokens = document.get("tokens")
    if isinstance(tokens, dict):
        access = _text(tokens, "access_token", "tokens.")
        refresh = _optional(tokens, "refresh_token")
        held.append(Held(name="chatgpt", access=access, refresh=refresh, expires_at=_jwt_expiry(access)))
    if not held:
        raise Unreadable("has neither OPENAI_API_KEY nor tokens")
    return tuple(held)


def _jwt_expiry(token: str) -> float | None:
    """`exp` of a JSON web token (RFC 7519, 4.1.4); None where it is none. The signature is not checked."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return None
    expires = claims.get("exp") if isinstance(claims, dict) else None
    return float(expires) if isinstance(expires, int | float) else None


def _pi(data: bytes) -> tuple[Held, ...]:
    held = []
    for provider, said in _document(data).items():
        if not isinstance(said, dict):
            raise Unreadable(f"has no object for {provider[:40]}")
        if said.get("type") == "oauth":
            held.append(
                Held(
                    name=provider,
                    access=_text(said, "access", f"{provider[:40]}."),
                    refresh=_optional(said, "refresh"),
                    expires_at=_milliseconds(said.get("expires")),
                )
            )
        else:
            held.append(Held(name=provider, access=_text(said, "key", f"{provider[:40]}.")))
    if not held:
        raise Unreadable("has no provider")
    return tuple(held)


# As gh writes it: two levels, plain scalars. No YAML parser is needed for that, and none is a dependency.
_HOST = re.compile(r"([A-Za-z0-9.-]+):\s*\Z")
_TOKEN = re.compile(r"\s+oauth_token:\s*[\"']?([^\s\"'#]+)")


def _github(data: bytes) -> tuple[Held, ...]:
    host = None
    held: dict[tuple[str, str], Held] = {}
    for line in data.decode("utf-8", "replace").splitlines():
        if found := _HOST.match(line):
            host = found[1]
        elif host and (found := _TOKEN.match(line)):
            held.setdefault((host, found[1]), Held(name=host, access=found[1]))
    if host is None:
        raise Unreadable("names no host")
    if not held:
        raise Unreadable("has no oauth_token (gh may keep it in the keyring)")
    return tuple(held.values())


LOGINS: tuple[Login, ...] = (
    Login(
        name="claude", variable="CLAUDE_CONFIG_DIR", directory=".claude", file=".credentials.json",
        renew="claude, then /login", read=_claude,
    ),
    Login(
        name="codex", variable="CODEX_HOME", directory=".codex", file="auth.json", renew="codex login",
        read=_codex,
    ),
    Login(
        name="pi", variable="PI_CODING_AGENT_DIR", directory=".pi/agent", file="auth.json",
        renew="pi, then /login", read=_pi,
    ),
    Login(
        name="github", variable="GH_CONFIG_DIR", directory=".config/gh", file="hosts.yml",
        renew="gh auth login --insecure-storage", read=_github,
    ),
)  # fmt: skip
