"""Google's Gemini CLI (`gemini -o stream-json`).

Its traps: its exit status after an API failure is the HTTP status modulo 256; an empty answer gives exit
status 0 with the result "error"; SIGTERM gives exit status 0 without a result; a folder that is not trusted
and a missing key are refused at the start.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fabrik.agents import lines
from fabrik.agents.agent import Conclusion, Ending, Invocation, SessionRequest
from fabrik.agents.conclusions import cause_of_http, conclude, http_in_json
from fabrik.agents.environment import (
    PLACEHOLDER_KEY,
    RETRIES,
    gemini_url,
    model_of,
    session_env,
    start_in,
)  # fmt: skip
from fabrik.events import Failed, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Usage, Vendor

SETTINGS = {
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 1 + RETRIES},
    "privacy": {"usageStatisticsEnabled": False},
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "telemetry": {"enabled": False},
}

CAUSE_OF_STATUS = {  # the CLI's own exit statuses: the Fatal…Error classes in its bundle
    41: Cause.AUTH,
    42: Cause.NOT_STARTED,  # no input
    44: Cause.NOT_STARTED,  # its own sandbox
    52: Cause.NOT_STARTED,  # configuration
    53: Cause.TURN_LIMIT,
    54: Cause.CRASHED,  # a tool
    55: Cause.NOT_STARTED,  # the folder is not trusted
    130: Cause.CRASHED,  # cancelled
}
CAUSE_OF_ERROR = {  # result.error.type
    "FatalAuthenticationError": Cause.AUTH,
    "FatalInputError": Cause.NOT_STARTED,
    "FatalConfigError": Cause.NOT_STARTED,
    "FatalUntrustedWorkspaceError": Cause.NOT_STARTED,
    "FatalTurnLimitedError": Cause.TURN_LIMIT,
    "FatalToolExecutionError": Cause.CRASHED,
    "FatalCancellationError": Cause.CRASHED,
}
# The statuses that model APIs use, as an exit status shows them; the CLI's own are not among them.
HTTP_OF_STATUS = {status % 256: status for status in (*range(400, 452), *range(500, 512), 529)}
API_ERROR = "[API Error: "
# A model that does not exist gives exit status 1 and only words. The 404 is in the error object that the CLI
# prints at the end of its stderr; it is looked at only after a result that says "error".
THROWN = re.compile(r"\n  (?:code|status): ([45]\d\d)\n\}\s*\Z")
NO_CONNECTION = ("exception TypeError: fetch failed", "fetch failed")


class Gemini:
    """Google's Gemini CLI."""

    name = "gemini"
    programs: Sequence[str] = ("gemini",)
    protocol: Vendor | None = "gemini"
    install_hint = "npm install -g @google/gemini-cli"

    def invocation(self, request: SessionRequest) -> Invocation:
        argv = ["gemini", "--yolo", "--output-format", "stream-json"]
        if request.model:
            argv += ["--model", model_of("gemini", request.model, self.name)]
        return Invocation(
            argv=argv,
            env=session_env(request)
            | {
                "GEMINI_CLI_HOME": request.home,
                "GEMINI_CLI_TRUST_WORKSPACE": "true",
                "GEMINI_CLI_NO_RELAUNCH": "true",  # one process, so that its end is seen as it is
                "GOOGLE_GEMINI_BASE_URL": gemini_url(request),
                "GEMINI_API_KEY": PLACEHOLDER_KEY,
            },
            files={".gemini/settings.json": json.dumps(SETTINGS, indent=2).encode()},
            stdin=request.prompt.encode("utf-8", "replace"),
            # Of a judge it is also the only directory that it has: wherever its own tools may read, they add
            # the GEMINI.md files of that place. So it reads the checkout with shell commands.
            cwd=start_in(request),
        )

    def parse(self, line: bytes) -> Sequence[SessionEvent]:
        event = lines.read(line)
        match event.get("type"):
            case "init":
                session = lines.one_line(event.get("session_id"))
                return [SessionStarted(session_id=session)] if session else ()
            case "message":
                said = lines.text(event.get("content")) if event.get("role") == "assistant" else ""
                return [Said(text=said)] if said else ()
            case "tool_use":
                name = lines.one_line(event.get("tool_name")) or "tool"
                return [ToolCalled(name=name, summary=lines.summary(event.get("parameters")))]
            case "result":
                return _result(event)
            case _:
                return ()

    def conclude(self, ending: Ending, events: Sequence[SessionEvent]) -> Conclusion:
        conclusion = conclude(ending, events)
        status = _status(ending, events)
        if status is None or conclusion.cause is Cause.ENDED:
            return conclusion
        if status in CAUSE_OF_STATUS:
            return replace(conclusion, cause=CAUSE_OF_STATUS[status])
        if status in HTTP_OF_STATUS:
            return replace(conclusion, cause=cause_of_http(HTTP_OF_STATUS[status]))
        thrown = THROWN.search(ending.stderr_tail)
        if conclusion.cause is Cause.OVERLOADED and thrown:
            return replace(conclusion, cause=cause_of_http(int(thrown[1])))
        return conclusion


def _status(ending: Ending, events: Sequence[SessionEvent]) -> int | None:
    """The exit status. A sandbox that passes statuses on as a shell does shows 173 (a 429) as signal 45."""
    if ending.signal is None:
        return ending.status
    ended_itself = any(isinstance(event, Failed) for event in events)
    return 128 + ending.signal if ended_itself and 128 + ending.signal in HTTP_OF_STATUS else None


def _result(event: Mapping[str, Any]) -> Sequence[SessionEvent]:
    usage = _usage(lines.mapping(event.get("stats")))
    if event.get("status") == "success":
        return [SessionEnded(ok=True, usage=usage)]
    error = lines.mapping(event.get("error"))
    words = _inner(lines.text(error.get("message")))
    detail = lines.provider_words(words) or "the model's answer was empty"
    return [
        SessionEnded(ok=False, usage=usage),
        Failed(cause=_cause(error.get("type"), words), detail=detail),
    ]


def _cause(kind: object, words: str) -> Cause:
    if isinstance(kind, str) and kind in CAUSE_OF_ERROR:
        return CAUSE_OF_ERROR[kind]
    if (code := http_in_json(words)) is not None:
        return cause_of_http(code)
    return Cause.UNREACHABLE if words.startswith(NO_CONNECTION) else Cause.OVERLOADED


def _inner(words: str) -> str:
    """The error itself, without the CLI's wrapping "[API Error: …]" and its advice on the lines below."""
    if not words.startswith(API_ERROR):
        return words
    return words[len(API_ERROR) :].partition("]\n")[0].removesuffix("]")


def _usage(stats: Mapping[str, Any]) -> Usage | None:
    """`input` is without the cached tokens; thinking is what the total has and its parts have not."""
    if not stats:
        return None
    output = lines.count(stats.get("output_tokens"))
    everything = lines.count(stats.get("total_tokens"))
    return Usage(
        input_tokens=lines.count(stats.get("input")),
        cache_read_tokens=lines.count(stats.get("cached")),
        cache_write_tokens=0,  # Gemini's API has no such count
        output_tokens=output,
        reasoning_tokens=lines.less(everything, lines.count(stats.get("input_tokens")), output),
    )
