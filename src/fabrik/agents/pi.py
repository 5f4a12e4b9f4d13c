"""pi (`pi -p --mode json`), which speaks to every vendor.

Its traps: exit status 0 on every API failure, so only `stopReason` counts; junk in place of an answer is an
empty message that used no tokens, with the stop reason "stop"; each piece of a message is
repeated in `message_update` events; stdin must be closed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fabrik.agents import lines
from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import cause_of_http, conclude, http_in_json
from fabrik.agents.environment import (
    RETRIES,
    anthropic_url,
    gemini_url,
    judges,
    models_env,
    openai_url,
    session_env,
    start_in,
    vendor_and_model,
)  # fmt: skip
from fabrik.events import Failed, Retrying, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Usage, Vendor

DEFAULT_MODEL = "anthropic/claude-sonnet-4-5"  # pi's own default depends on the keys that it finds
PROVIDERS: Mapping[Vendor, str] = {"anthropic": "anthropic", "openai": "openai", "gemini": "google"}

# An API failure's message starts with its HTTP status: "429: {…}" or "429 {…}", as the vendor's SDK has it.
STATUS = re.compile(r"\s*([45]\d\d)\b")
NO_CONNECTION = ("Connection error", "fetch failed", "exception TypeError: fetch failed", "Request timed out")
# pi's own words when the answer was complete but its stop reason says that the vendor or the model declined.
REFUSED = ("Provider finish_reason: content_filter", "An unknown error occurred")


NOTHING_FOUND = (  # a judge's; but no switch keeps a project's .pi/settings.json out
    *("--no-extensions", "--no-skills", "--no-prompt-templates", "--no-themes", "--no-context-files"),
)


class Pi:
    """pi, the coding agent of earendil-works."""

    name = "pi"
    programs: Sequence[str] = ("pi",)
    protocol: Vendor | None = None  # whichever the model's vendor speaks
    install_hint = "npm install -g @earendil-works/pi-coding-agent"

    def invocation(self, request: SessionRequest) -> Invocation:
        vendor, model = vendor_and_model(request.model or DEFAULT_MODEL)
        argv = ["pi", "-p", "--mode", "json", *(NOTHING_FOUND if judges(request) else ())]
        return Invocation(
            argv=[*argv, "--provider", PROVIDERS[vendor], "--model", model],
            env=session_env(request)
            | models_env(request)
            | {
                "PI_CODING_AGENT_DIR": f"{request.home}/.pi/agent",
                "PI_OFFLINE": "1",
                "PI_TELEMETRY": "0",
                "PI_SKIP_VERSION_CHECK": "1",
            },
            files={
                ".pi/agent/models.json": json.dumps(_providers(request), indent=2).encode(),
                ".pi/agent/settings.json": json.dumps(SETTINGS, indent=2).encode(),
            },
            stdin=request.prompt.encode("utf-8", "replace"),
            cwd=start_in(request),
        )

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        if line.startswith(b'{"type":"message_update"'):
            return ()  # each holds the message so far: reading them all would take quadratic time
        event = lines.read(line)
        match event.get("type"):
            case "session":
                session = lines.one_line(event.get("id"))
                return [SessionStarted(session_id=session)] if session else ()
            case "message_end":
                return _message(lines.mapping(event.get("message")))
            case "tool_execution_start":
                name = lines.one_line(event.get("toolName")) or "tool"
                return [ToolCalled(name=name, summary=lines.summary(event.get("args")))]
            case "auto_retry_start":
                cause = _cause(lines.text(event.get("errorMessage")))
                return [Retrying(cause=cause, attempt=lines.count(event.get("attempt")) or 1)]
            case "agent_end":
                return _end(event)
            case _:
                return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        return conclude(ending, events)


SETTINGS = {
    "enableInstallTelemetry": False,
    "quietStartup": True,
    "retry": {"enabled": True, "maxRetries": RETRIES, "provider": {"maxRetries": 0}},
}


def _providers(request: SessionRequest) -> Mapping[str, Any]:
    """pi's own providers with the gateway's addresses: pi keeps what it knows of their models."""
    return {
        "providers": {
            "anthropic": {"baseUrl": anthropic_url(request)},
            "openai": {"baseUrl": openai_url(request)},
            "google": {"baseUrl": f"{gemini_url(request)}/v1beta"},
        }
    }


def _message(message: Mapping[str, Any]) -> Sequence[SessionEvent]:
    if message.get("role") != "assistant":
        return ()
    if failure := _failure(message):
        return [failure]
    parts = lines.mappings(message.get("content"))
    said = [lines.text(part.get("text")) for part in parts if part.get("type") == "text"]
    events: list[SessionEvent] = [Said(text=words) for words in said if words]
    if message.get("stopReason") in ("stop", "length"):
        events.append(SessionEnded(ok=True))
    return events


def _failure(message: Mapping[str, Any]) -> Failed | None:
    words = lines.text(message.get("errorMessage"))
    match message.get("stopReason"):
        case "error":
            return Failed(cause=_cause(words), detail=lines.provider_words(words) or "the model call failed")
        case "aborted":
            return Failed(cause=Cause.CRASHED, detail="the session was aborted")
        case "stop" if not message.get("content") and _nothing_used(message):
            return Failed(cause=Cause.OVERLOADED, detail="the provider's answer was empty")
        case _:
            return None


def _nothing_used(message: Mapping[str, Any]) -> bool:
    """No tokens at all: what came was no answer of a model (a page of HTML looks so to pi)."""
    return lines.count(lines.mapping(message.get("usage")).get("totalTokens")) == 0


def _end(event: Mapping[str, Any]) -> Sequence[SessionEvent]:
    if event.get("willRetry") is True:
        return ()
    messages = [m for m in lines.mappings(event.get("messages")) if m.get("role") == "assistant"]
    if not messages:
        return ()
    return [SessionEnded(ok=_failure(messages[-1]) is None, usage=_usage(messages))]


def _cause(words: str) -> Cause:
    if status := STATUS.match(words):
        return cause_of_http(int(status[1]))
    if (code := http_in_json(words)) is not None:
        return cause_of_http(code)
    if words.startswith(NO_CONNECTION):
        return Cause.UNREACHABLE
    return Cause.REFUSED if words in REFUSED else Cause.OVERLOADED


def _usage(messages: Sequence[Mapping[str, Any]]) -> Usage:
    """The sum over the messages; one that lacks a number makes it unknown."""

    def total(name: str) -> int | None:
        counts = [lines.count(lines.mapping(message.get("usage")).get(name)) for message in messages]
        known = [value for value in counts if value is not None]
        return sum(known) if len(known) == len(counts) else None

    return Usage(
        input_tokens=total("input"),
        cache_read_tokens=total("cacheRead"),
        cache_write_tokens=total("cacheWrite"),
        output_tokens=total("output"),
    )
