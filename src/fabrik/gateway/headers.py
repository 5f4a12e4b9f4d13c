"""Which headers may pass: from a sandbox to an upstream, and back."""

from __future__ import annotations

from collections.abc import Iterable

from fabrik.gateway.types import Upstream
from fabrik.redaction import Redactor
from fabrik.usage import Vendor

Headers = list[tuple[bytes, bytes]]  # names in lower case

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
_NOT_OUT = HOP_BY_HOP | frozenset(
    (
        b"host",
        b"content-length",
        b"accept-encoding",
        b"expect",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-goog-user-project",
        b"cookie",
        b"openai-organization",  # whose account pays is the host's decision
        b"openai-project",
        b"forwarded",
        b"via",
        b"x-http-method-override",
    )
)
_NOT_BACK = HOP_BY_HOP | frozenset(
    (
        b"set-cookie",
        b"content-length",
        b"content-encoding",
        b"location",
        b"alt-svc",
        b"www-authenticate",
        # Some CLIs would wait for it in their session. The host does: it is in ModelCall.retry_at.
        b"retry-after",
        b"retry-after-ms",
    )
)


def outgoing(received: Iterable[tuple[bytes, bytes]], vendor: Vendor, upstream: Upstream) -> Headers:
    """The sandbox's headers without its own credentials, with the host's key.

    Compression is turned off, so that usage and keys can be read in the answer.
    """
    kept = without_named_by_connection(received)
    result = [
        (name, value) for name, value in kept if name not in _NOT_OUT and not name.startswith(b"x-forwarded-")
    ]
    result.append((b"accept-encoding", b"identity"))
    if upstream.key is not None:
        result.append(_credential(vendor, upstream, upstream.key))
    return result


def incoming(received: Iterable[tuple[bytes, bytes]], redactor: Redactor) -> Headers:
    """An upstream's headers as the sandbox may see them."""
    kept = without_named_by_connection((name.lower(), value) for name, value in received)
    return [(name, redactor.whole(value)) for name, value in kept if name not in _NOT_BACK]


def without_named_by_connection(received: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Drop what a Connection header declares to be meant for this hop only."""
    pairs = list(received)
    named = {
        token.strip().lower() for name, value in pairs if name == b"connection" for token in value.split(b",")
    }
    return [(name, value) for name, value in pairs if name not in named]


def _credential(vendor: Vendor, upstream: Upstream, key: str) -> tuple[bytes, bytes]:
    if vendor == "gemini":
        return b"x-goog-api-key", key.encode()
    if vendor == "anthropic" and not upstream.bearer:
        return b"x-api-key", key.encode()
    return b"authorization", b"Bearer " + key.encode()
