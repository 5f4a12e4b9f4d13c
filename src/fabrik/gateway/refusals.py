"""What the gateway itself answers, in each vendor's own error shape, so that the CLI stops and says why.

The statuses for what ends a session (a used-up budget, a provider that keeps failing) were chosen by
measuring, on 2026-11-20, what each CLI does with them: claude asks once for a 403 and six times for a 400;
codex asks once for a 400 and six times for a 403; pi, opencode and gemini ask once for either. A 429 is
tried again by nearly all of them, for minutes. With `x-should-retry: false`, which the vendors' own client
libraries read, claude asks once for a 401 too, instead of eleven times in three minutes; codex still asks
six times. Messages have no figures in them and none of the words of failures that pass: some CLIs look for
"500" or "rate limit" in the text to decide on a retry.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from fabrik.usage import Vendor

Reason = Literal[
    "no_key",
    "budget",
    "failing",
    "bad_request",
    "not_found",
    "too_large",
    "unreachable",
    "timed_out",
    "broken",
]

_STATUS: dict[Reason, int] = {
    "no_key": 401,
    "budget": 400,
    "failing": 400,
    "bad_request": 400,
    "not_found": 404,
    "too_large": 413,
    "unreachable": 502,
    "timed_out": 504,
    "broken": 500,
}
_FINAL: frozenset[Reason] = frozenset(("budget", "failing"))  # the session is to end
_PASSING: frozenset[Reason] = frozenset(("unreachable", "timed_out"))  # a later try may succeed

_ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    500: "api_error",
    502: "api_error",
    504: "timeout_error",
}
_OPENAI_TYPES = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "unknown_url"),
    413: ("invalid_request_error", "request_too_large"),
    500: ("server_error", None),
    502: ("server_error", None),
    504: ("server_error", None),
}
_GOOGLE_STATUSES = {
    400: "FAILED_PRECONDITION",
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An answer of the gateway itself."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def refusal(vendor: Vendor, reason: Reason, message: str) -> Refusal:
    """The answer for a reason, as this vendor would give it."""
    status = 403 if vendor == "anthropic" and reason in _FINAL else _STATUS[reason]
    body = json.dumps(_shape(vendor, status, f"fabrik: {message}")).encode()
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if reason not in _PASSING:
        headers.append((b"x-should-retry", b"false"))
    return Refusal(status=status, headers=tuple(headers), body=body)


def _shape(vendor: Vendor, status: int, message: str) -> dict[str, object]:
    if vendor == "anthropic":
        return {"type": "error", "error": {"type": _ANTHROPIC_TYPES[status], "message": message}}
    if vendor == "gemini":
        return {"error": {"code": status, "message": message, "status": _GOOGLE_STATUSES[status]}}
    kind, code = _OPENAI_TYPES[status]
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
