"""Error answers as the vendors send them: status, headers and body.

CLIs decide by these codes whether to try again, so a made-up code changes what they do. The shapes are those
of the vendors' API references: Anthropic "Errors", OpenAI "Error codes", Google "Troubleshooting" with the
google.rpc error details.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fabrik.testing.model_server.failures import HttpError
from fabrik.testing.model_server.wire.format import Json
from fabrik.usage import Vendor

USUAL_WORDS: Mapping[int, str] = {
    400: "The request is not valid.",
    401: "The API key is not valid.",
    403: "The key has no permission for this.",
    404: "The model does not exist.",
    429: "This request would exceed the rate limit.",
    500: "Internal server error.",
    503: "The service is unavailable.",
    529: "Overloaded",
}
QUOTA_WORDS = "The quota is used up. Check plan and billing details."

ANTHROPIC_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    529: "overloaded_error",
}
OPENAI_TYPES: Mapping[int, tuple[str, str | None]] = {  # type, code
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "permission_denied"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "service_unavailable"),
    529: ("server_error", "service_unavailable"),
}
GOOGLE_STATES: Mapping[int, str] = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    529: "UNAVAILABLE",
}
GOOGLE_REASONS: Mapping[int, str] = {401: "API_KEY_INVALID", 403: "API_KEY_SERVICE_BLOCKED"}


@dataclass(frozen=True, kw_only=True)
class ErrorAnswer:
    """An error, ready to be sent."""

    status: int
    headers: Mapping[str, str]
    body: Json


def error_answer(
    vendor: Vendor, error: HttpError, *, key: str | None, request_id: str, now: float
) -> ErrorAnswer:
    """The error as this vendor sends it. now: seconds since the epoch, for limits that reset at a time."""
    message = error.message or (QUOTA_WORDS if error.quota else USUAL_WORDS.get(error.status, "Failed."))
    if error.echo_key:
        message = f"{message} Key received: {key or 'none'}"
    headers = dict(_limit_headers(vendor, error, now))
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    bodies = {"anthropic": _anthropic, "openai": _openai, "gemini": _google}
    return ErrorAnswer(status=error.status, headers=headers, body=bodies[vendor](error, message, request_id))


def _limit_headers(vendor: Vendor, error: HttpError, now: float) -> Mapping[str, str]:
    seconds = error.resets_in
    if seconds is None or vendor == "gemini":  # Google tells it in the body
        return {}
    if vendor == "openai":
        return {
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": go_duration(seconds),
        }
    at = datetime.fromtimestamp(now + seconds, UTC)
    return {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def go_duration(seconds: float) -> str:
    """A duration as OpenAI writes it: 250ms, 1.5s, 6m0s, 1h0m3s."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    text = f"{rest:g}s"
    if hours or minutes:
        text = f"{minutes:g}m{text}"
    return f"{hours:g}h{text}" if hours else text


def _anthropic(error: HttpError, message: str, request_id: str) -> Json:
    kind = ANTHROPIC_TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}


def _openai(error: HttpError, message: str, request_id: str) -> Json:  # noqa: ARG001 - one shape for all
    fallback: tuple[str, str | None] = (
        ("server_error", None) if error.status >= 500 else ("invalid_request_error", None)
    )
    kind, code = OPENAI_TYPES.get(error.status, fallback)
    if error.quota:
        kind = code = "insufficient_quota"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _google(error: HttpError, message: str, request_id: str) -> Json:  # noqa: ARG001 - one shape for all
    details: list[Json] = []
    if (reason := GOOGLE_REASONS.get(error.status)) is not None:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "googleapis.com",
                "metadata": {"service": "generativelanguage.googleapis.com"},
            }
        )
    if error.quota:
        violation = {
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
            "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        }
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
    if error.resets_in is not None:
        details.append(
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.resets_in:g}s"}
        )
    told: Json = {
        "code": error.status,
        "message": message,
        "status": GOOGLE_STATES.get(error.status, "UNKNOWN"),
    }
    return {"error": {**told, "details": details} if details else told}
