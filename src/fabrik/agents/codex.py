"""OpenAI's Codex (`codex exec --json`).

Its traps: it retries for ever when nothing answers unless a feature is switched off; failures are texts, in
`error` and `turn.failed` events of its own; an `item` of the type "error" is only a warning; stdin must be
closed; a tool's output is inside its items, so only the outer events are read for failures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fabrik.agents import lines
from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import cause_of_http, conclude
from fabrik.agents.environment import (
    PLACEHOLDER_KEY,
    RETRIES,
    judges,
    model_of,
    openai_url,
    session_env,
    start_in,
)  # fmt: skip
from fabrik.events import Failed, Retrying, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Usage, Vendor

# `codex features list` has the names; plugins and apps only cause traffic that a closed network refuses.
CONFIG = """\
check_for_update_on_startup = false
model_provider = "fabrik"

[model_providers.fabrik]
name = "fabrik"
base_url = {url}
wire_api = "responses"
env_key = "OPENAI_API_KEY"
request_max_retries = {retries}
stream_max_retries = {retries}

[features]
plugins = false
apps = false
unbounded_connection_retries = false

[analytics]
enabled = false
"""
NO_AGENTS_MD = "project_doc_max_bytes = 0\n"

RECONNECTING = re.compile(
    r"Reconnecting\.\.\. (?:(\d{1,9})/\d{1,9}|waiting for network) \((.*)\)\Z", re.DOTALL
)
# The CLI's own words, always at the start of its message: what follows them may be the provider's.
STATUS = re.compile(r"(?:unexpected status|exceeded retry limit, last status:) (\d{3})\b")
CAUSE_OF_START = (
    ("We’re currently experiencing high demand", Cause.OVERLOADED),
    ("Selected model is at capacity", Cause.OVERLOADED),
    ("stream disconnected", Cause.OVERLOADED),
    ("timeout waiting for child process to exit", Cause.CRASHED),
    ("internal error; agent loop died", Cause.CRASHED),
    ("Connection failed", Cause.UNREACHABLE),
    ("Quota exceeded", Cause.RATE_LIMITED),
    ("You've hit your usage limit", Cause.RATE_LIMITED),
    ("You’ve hit your usage limit", Cause.RATE_LIMITED),
    ("Codex ran out of room in the model's context window", Cause.TURN_LIMIT),
    ("Codex ran out of room in the model’s context window", Cause.TURN_LIMIT),
)


class Codex:
    """OpenAI's Codex."""

    name = "codex"
    programs: Sequence[str] = ("codex",)
    protocol: Vendor | None = "openai"
    install_hint = "npm install -g @openai/codex"

    def invocation(self, request: SessionRequest) -> Invocation:
        argv = [
            "codex",
            "exec",
            "--json",
            "--dangerously-bypass-approvals-and-sandbox",
            "--skip-git-repo-check",
        ]
        if request.model:
            argv += ["--model", model_of("openai", request.model, self.name)]
        config = CONFIG.format(url=json.dumps(openai_url(request)), retries=RETRIES)
        if judges(request):
            config = NO_AGENTS_MD + config
        return Invocation(
            argv=[*argv, "-"],
            env=session_env(request)
            | {"CODEX_HOME": f"{request.home}/.codex", "OPENAI_API_KEY": PLACEHOLDER_KEY},
            files={".codex/config.toml": config.encode()},
            stdin=request.prompt.encode("utf-8", "replace"),
            cwd=start_in(request),
        )

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        event = lines.read(line)
        match event.get("type"):
            case "thread.started":
                session = lines.one_line(event.get("thread_id"))
                return [SessionStarted(session_id=session)] if session else ()
            case "item.started" | "item.completed" as when:
                return _item(lines.mapping(event.get("item")), started=when == "item.started")
            case "turn.completed":
                return [SessionEnded(ok=True, usage=_usage(lines.mapping(event.get("usage"))))]
            case "error":
                return _error(event.get("message"))
            case "turn.failed":
                return _error(lines.mapping(event.get("error")).get("message"))
            case _:
                return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        return conclude(ending, events)


def _item(item: Mapping[str, Any], *, started: bool) -> Sequence[SessionEvent]:
    match item.get("type"):
        case "command_execution" if started:
            return [ToolCalled(name="shell", summary=lines.one_line(item.get("command")))]
        case "mcp_tool_call" if started:
            name = lines.one_line(item.get("tool")) or "mcp"
            return [ToolCalled(name=name, summary=lines.summary(item.get("arguments")))]
        case "web_search" if not started:
            return [ToolCalled(name="web_search", summary=lines.one_line(item.get("query")))]
        case "file_change" if not started:
            paths = (lines.one_line(change.get("path")) for change in lines.mappings(item.get("changes")))
            return [ToolCalled(name="edit", summary=lines.one_line(" ".join(paths)))]
        case "agent_message" if not started and (said := lines.text(item.get("text"))):
            return [Said(text=said)]
        case _:
            return ()


def _error(message: object) -> Sequence[SessionEvent]:
    words = lines.text(message)
    if retry := RECONNECTING.match(words):
        return [Retrying(cause=_cause(retry[2]), attempt=int(retry[1] or 1))]
    return [Failed(cause=_cause(words), detail=lines.provider_words(words) or "the model call failed")]


def _cause(words: str) -> Cause:
    if status := STATUS.match(words):
        return cause_of_http(int(status[1]))
    for start, cause in CAUSE_OF_START:
        if words.startswith(start):
            return cause
    return Cause.BAD_REQUEST  # what the provider refuses for good is passed on in the provider's own words


def _usage(usage: Mapping[str, Any]) -> Usage | None:
    """In a fresh session the thread's total is the session's; input and output include their parts."""
    if not usage:
        return None
    cached = lines.count(usage.get("cached_input_tokens"))
    written = lines.count(usage.get("cache_write_input_tokens"))
    reasoning = lines.count(usage.get("reasoning_output_tokens"))
    return Usage(
        input_tokens=lines.less(lines.count(usage.get("input_tokens")), cached, written),
        cache_read_tokens=cached,
        cache_write_tokens=written,
        output_tokens=lines.less(lines.count(usage.get("output_tokens")), reasoning),
        reasoning_tokens=reasoning,
    )
