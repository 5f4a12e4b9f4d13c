"""opencode (`opencode run --format json`), which speaks to every vendor.

Its traps: stdin must be closed; answers that make no sense are asked for again without end (each shows as a
step that finished for the reason "unknown"); nothing is printed while it retries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from fabrik.agents import lines
from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import cause_of_http, conclude
from fabrik.agents.environment import (
    PLACEHOLDER_KEY,
    anthropic_url,
    gemini_url,
    judges,
    openai_url,
    session_env,
    start_in,
    vendor_and_model,
)  # fmt: skip
from fabrik.events import Failed, Retrying, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Vendor

DEFAULT_MODEL = "anthropic/claude-sonnet-4-5"  # opencode's own default depends on the keys that it finds
PROVIDERS: Mapping[Vendor, str] = {"anthropic": "anthropic", "openai": "openai", "gemini": "google"}
TITLE = "fabrik"  # given, so that no model call is spent on finding one
CAUSE_OF_NAME = {
    "ProviderAuthError": Cause.AUTH,
    "ProviderModelNotFoundError": Cause.BAD_REQUEST,
    "ConfigInvalidError": Cause.NOT_STARTED,
    "ContextOverflowError": Cause.TURN_LIMIT,  # what was done counts, the next session is fresh
    "MessageOutputLengthError": Cause.TURN_LIMIT,
    "ContentFilterError": Cause.REFUSED,
    "MessageAbortedError": Cause.CRASHED,
}
NO_CONNECTION = ("ECONNREFUSED", "ConnectionRefused", "ENOTFOUND", "EAI_AGAIN", "FailedToOpenSocket")


NOTHING_FOUND = {  # a judge's; but these do not keep the plugins of the directory it starts in out
    "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
    "OPENCODE_DISABLE_EXTERNAL_SKILLS": "1",
    "OPENCODE_DISABLE_CLAUDE_CODE": "1",
    "OPENCODE_PURE": "1",
}


class Opencode:
    """opencode, by the SST team."""

    name = "opencode"
    programs: Sequence[str] = ("opencode",)
    protocol: Vendor | None = None  # whichever the model's vendor speaks
    install_hint = "npm install -g opencode-ai"

    def invocation(self, request: SessionRequest) -> Invocation:
        vendor, model = vendor_and_model(request.model or DEFAULT_MODEL)
        name = f"{PROVIDERS[vendor]}/{model}"
        config = json.dumps(_config(request, PROVIDERS[vendor], model), indent=2)
        return Invocation(
            argv=["opencode", "run", "--format", "json", "--model", name, "--title", TITLE],
            env=session_env(request)
            | {
                # The last word over a project's own opencode.json, which might ask for permissions.
                "OPENCODE_CONFIG_CONTENT": config,
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
                "OPENCODE_DISABLE_SHARE": "1",
            }
            | (NOTHING_FOUND if judges(request) else {}),
            files={".config/opencode/opencode.json": config.encode()},
            stdin=request.prompt.encode("utf-8", "replace"),
            cwd=start_in(request),
        )

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        event = lines.read(line)
        part = lines.mapping(event.get("part"))
        match event.get("type"):
            case "step_start":
                session = lines.one_line(event.get("sessionID"))
                return [SessionStarted(session_id=session)] if session else ()
            case "text":
                said = lines.text(part.get("text"))
                return [Said(text=said)] if said else ()
            case "tool_use":
                arguments = lines.mapping(part.get("state")).get("input")
                name = lines.one_line(part.get("tool")) or "tool"
                return [ToolCalled(name=name, summary=lines.summary(arguments))]
            case "step_finish":
                return _finish(part)
            case "error":
                return [_failure(event)]
            case _:
                return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        return conclude(ending, events)


def _config(request: SessionRequest, provider: str, model: str) -> Mapping[str, Any]:
    """opencode's own providers with the gateway's addresses: it keeps what it knows of their models."""
    urls = {
        "anthropic": f"{anthropic_url(request)}/v1",
        "openai": openai_url(request),
        "google": f"{gemini_url(request)}/v1beta",
    }
    return {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "permission": "allow",
        "model": f"{provider}/{model}",
        "small_model": f"{provider}/{model}",
        "enabled_providers": [provider],
        "provider": {
            provider: {
                "options": {"baseURL": urls[provider], "apiKey": PLACEHOLDER_KEY},
                "models": {model: {}},
            }
        },
    }


def _finish(part: Mapping[str, Any]) -> Sequence[SessionEvent]:
    match part.get("reason"):
        case "stop" | "length":
            return [SessionEnded(ok=True)]  # the tokens here are this step's only
        case "content-filter":
            return [Failed(cause=Cause.REFUSED, detail="the provider's filter declined the answer")]
        case "unknown" | "other" | "error":
            return [Retrying(cause=Cause.OVERLOADED, attempt=1)]
        case _:
            return ()


def _failure(event: Mapping[str, Any]) -> Failed:
    error = lines.mapping(event.get("error"))
    data = lines.mapping(error.get("data"))
    detail = lines.one_line(data.get("message")) or lines.one_line(error.get("name")) or "it failed"
    cause = _cause(error, data)
    resets_at = None
    if cause is Cause.RATE_LIMITED:
        resets_at = _resets_at(lines.mapping(data.get("responseHeaders")), event.get("timestamp"))
    return Failed(cause=cause, detail=detail, resets_at=resets_at)


def _cause(error: Mapping[str, Any], data: Mapping[str, Any]) -> Cause:
    name = error.get("name")
    if isinstance(name, str) and name in CAUSE_OF_NAME:
        return CAUSE_OF_NAME[name]
    status = lines.count(data.get("statusCode"))
    if status is not None:
        return cause_of_http(status)
    code = lines.mapping(data.get("metadata")).get("code")
    message = lines.text(data.get("message"))
    if code in NO_CONNECTION or message.startswith("Cannot connect to API: Unable to connect"):
        return Cause.UNREACHABLE
    return Cause.OVERLOADED


def _resets_at(headers: Mapping[str, Any], timestamp: object) -> float | None:
    """When `retry-after` (seconds or a date) is over, counted from the event's own time."""
    told = headers.get("retry-after")
    now = lines.number(timestamp)
    if not isinstance(told, str) or now is None:
        return None
    if told.isascii() and told.isdigit() and len(told) < 10:
        return now / 1000 + int(told)
    try:
        return parsedate_to_datetime(told).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None
