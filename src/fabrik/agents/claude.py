"""Claude Code (`claude -p --output-format stream-json`).

Its traps: an API failure ends with `subtype: success` and `is_error: true`; SIGINT gives exit status 0;
`--dangerously-skip-permissions` as root needs IS_SANDBOX; the text of a failed call comes as an assistant
message of the model `<synthetic>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fabrik.agents import lines
from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import cause_of_http, conclude
from fabrik.agents.environment import (
    PLACEHOLDER_KEY,
    RETRIES,
    anthropic_url,
    judges,
    model_of,
    session_env,
    start_in,
)  # fmt: skip
from fabrik.events import Failed, Retrying, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Usage, Vendor

CAUSE_OF_SUBTYPE = {
    "error_max_turns": Cause.TURN_LIMIT,
    "error_max_budget_usd": Cause.BUDGET,
}
CAUSE_OF_REASON = {  # result.terminal_reason
    "max_turns": Cause.TURN_LIMIT,
    "budget_exhausted": Cause.BUDGET,
    "prompt_too_long": Cause.TURN_LIMIT,  # the context is full: the next session is fresh
}
# What the CLI puts at the end of its own message when the connection failed, as in "(ECONNREFUSED)".
NO_CONNECTION = re.compile(r"\((?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT)\)\s*$")

# A judge's: settings (hooks, keys, environment), MCP servers, CLAUDE.md and its kind from HOME only; and an
# `@path` in the prompt, which a diff may well contain, does not pull in that file.
OWN_SETTINGS = ("--setting-sources", "user", "--strict-mcp-config")
OWN_MEMORY = {"CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1", "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1"}


class Claude:
    """Anthropic's Claude Code."""

    name = "claude"
    programs: Sequence[str] = ("claude",)
    protocol: Vendor | None = "anthropic"
    install_hint = "npm install -g @anthropic-ai/claude-code"

    def invocation(self, request: SessionRequest) -> Invocation:
        argv = [
            "claude",
            "-p",
            "--output-format",
            "stream-json",
            "--verbose",
            "--dangerously-skip-permissions",
        ]
        if judges(request):
            argv += OWN_SETTINGS
        if request.model:
            argv += ["--model", model_of("anthropic", request.model, self.name)]
        env = session_env(request) | {
            "CLAUDE_CONFIG_DIR": f"{request.home}/.claude",
            "ANTHROPIC_BASE_URL": anthropic_url(request),
            "ANTHROPIC_API_KEY": PLACEHOLDER_KEY,
            "CLAUDE_CODE_MAX_RETRIES": str(RETRIES),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "IS_SANDBOX": "1",
        }
        if judges(request):
            env |= OWN_MEMORY
        stdin = request.prompt.encode("utf-8", "replace")
        return Invocation(argv=argv, env=env, stdin=stdin, cwd=start_in(request))

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        event = lines.read(line)
        match event.get("type"):
            case "system":
                return _system(event)
            case "assistant":
                return _assistant(event)
            case "rate_limit_event":
                return _limit(event.get("rate_limit_info"))
            case "result":
                return _result(event)
            case _:
                return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        return conclude(ending, events)


def _system(event: Mapping[str, Any]) -> Sequence[SessionEvent]:
    if event.get("subtype") == "init" and (session := lines.one_line(event.get("session_id"))):
        return [SessionStarted(session_id=session)]
    if event.get("subtype") == "api_retry":
        status = lines.count(event.get("error_status"))
        cause = cause_of_http(status) if status is not None else Cause.UNREACHABLE
        return [Retrying(cause=cause, attempt=lines.count(event.get("attempt")) or 1)]
    return ()


def _assistant(event: Mapping[str, Any]) -> Sequence[SessionEvent]:
    message = lines.mapping(event.get("message"))
    if message.get("model") == "<synthetic>":
        return _limit(lines.mapping(event.get("api_error_params")).get("rate_limit_info"))
    events: list[SessionEvent] = []
    for part in lines.mappings(message.get("content")):
        if part.get("type") == "text" and (said := lines.text(part.get("text"))):
            events.append(Said(text=said))
        if part.get("type") == "tool_use" and (name := lines.one_line(part.get("name"))):
            events.append(ToolCalled(name=name, summary=lines.summary(part.get("input"))))
    return events


def _limit(info: object) -> Sequence[SessionEvent]:
    """A subscription's limit that refuses calls, with the time of its reset."""
    limit = lines.mapping(info)
    if limit.get("status") != "rejected" or limit.get("isUsingOverage") is True:
        return ()
    kind = lines.one_line(limit.get("rateLimitType")).replace("_", " ")
    detail = f"the usage limit is reached ({kind})" if kind else "the usage limit is reached"
    return [Failed(cause=Cause.RATE_LIMITED, detail=detail, resets_at=lines.number(limit.get("resetsAt")))]


def _result(event: Mapping[str, Any]) -> Sequence[SessionEvent]:
    usage = _usage(event)
    detail = lines.one_line(event.get("result")) or next(
        (line for error in _list(event.get("errors")) if (line := lines.one_line(error))), ""
    )
    if event.get("is_error") is False:
        if event.get("stop_reason") == "refusal":
            refused = Failed(cause=Cause.REFUSED, detail="the model declined to answer")
            return [SessionEnded(ok=False, usage=usage), refused]
        return [SessionEnded(ok=True, usage=usage)]
    return [SessionEnded(ok=False, usage=usage), Failed(cause=_cause(event, detail), detail=detail)]


def _cause(event: Mapping[str, Any], detail: str) -> Cause:
    status = lines.count(event.get("api_error_status"))
    if status is not None:
        return cause_of_http(status)
    reason, subtype = event.get("terminal_reason"), event.get("subtype")
    if isinstance(subtype, str) and subtype in CAUSE_OF_SUBTYPE:
        return CAUSE_OF_SUBTYPE[subtype]
    if isinstance(reason, str) and reason in CAUSE_OF_REASON:
        return CAUSE_OF_REASON[reason]
    if event.get("stop_reason") == "refusal":
        return Cause.REFUSED
    if reason == "api_error":
        return Cause.UNREACHABLE if NO_CONNECTION.search(detail) else Cause.OVERLOADED
    return Cause.CRASHED


def _usage(event: Mapping[str, Any]) -> Usage | None:
    usage = lines.mapping(event.get("usage"))
    if not usage:
        return None
    output = lines.count(usage.get("output_tokens"))
    thinking = lines.count(lines.mapping(usage.get("output_tokens_details")).get("thinking_tokens"))
    return Usage(
        input_tokens=lines.count(usage.get("input_tokens")),
        cache_read_tokens=lines.count(usage.get("cache_read_input_tokens")),
        cache_write_tokens=lines.count(usage.get("cache_creation_input_tokens")),
        output_tokens=lines.less(output, thinking) if thinking is not None else output,
        reasoning_tokens=thinking,
        cost_usd=lines.number(event.get("total_cost_usd")),
    )


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
