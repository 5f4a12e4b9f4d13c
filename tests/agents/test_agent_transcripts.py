"""Every recorded transcript of the five CLIs, with its cause: the table cli x failure -> cause.

The transcripts are complete outputs of real CLIs, driven against a scripted model server with failures on
demand (see README.md beside them). The exit statuses are those that were measured in the same runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.agents.agent import Conclusion, Ending
from fabrik.agents.registry import load
from fabrik.events import Retrying, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause
from fabrik.usage import Usage

TRANSCRIPTS = Path(__file__).parent / "transcripts"
CLIS = ("claude", "codex", "pi", "opencode", "gemini")

ENDED, TURNS, BUDGET = Cause.ENDED, Cause.TURN_LIMIT, Cause.BUDGET
AUTH, BAD, LIMITED = Cause.AUTH, Cause.BAD_REQUEST, Cause.RATE_LIMITED
OVERLOADED, UNREACHABLE, CRASHED = Cause.OVERLOADED, Cause.UNREACHABLE, Cause.CRASHED

# transcript -> (exit status, or minus the signal; cause)
TABLE: dict[str, tuple[int, Cause]] = {
    # claude: 1 after every API failure; 0 after SIGINT, too
    "claude": (0, ENDED),
    "claude.400": (1, BAD),
    "claude.v2-400": (1, BAD),
    "claude.401": (1, AUTH),
    "claude.403": (1, AUTH),
    "claude.v2-404": (1, BAD),
    "claude.429": (1, LIMITED),
    "claude.429x2": (0, ENDED),
    "claude.500": (1, OVERLOADED),
    "claude.503": (1, OVERLOADED),
    "claude.529": (1, OVERLOADED),
    "claude.badbody": (1, OVERLOADED),
    "claude.badjson": (1, OVERLOADED),
    "claude.empty": (0, ENDED),
    "claude.maxbudget": (1, BUDGET),
    "claude.maxturns": (1, TURNS),
    "claude.refused": (1, UNREACHABLE),
    "claude.refused-maxretries1": (1, UNREACHABLE),
    "claude.resumed": (0, ENDED),
    "claude.steps_3": (0, ENDED),
    "claude.trunc": (0, ENDED),  # overcome by its own retries
    "claude.sig-hang-INT": (0, CRASHED),
    "claude.sig-hang-TERM": (143, CRASHED),
    "claude.sig-retry-TERM": (143, CRASHED),
    "claude.sig-tool-INT": (0, CRASHED),
    "claude.sig-tool-TERM": (143, CRASHED),
    # codex: failures are told in turn.failed
    "codex": (0, ENDED),
    "codex.400": (1, BAD),
    "codex.v2-400": (1, BAD),
    "codex.401": (1, AUTH),
    "codex.403": (1, AUTH),
    "codex.v2-403": (1, AUTH),
    "codex.v2-404": (1, BAD),
    "codex.429": (1, LIMITED),
    "codex.429x2": (1, LIMITED),  # no retry of its own
    "codex.500": (1, OVERLOADED),
    "codex.503": (1, OVERLOADED),
    "codex.529": (1, OVERLOADED),
    "codex.badbody": (1, OVERLOADED),
    "codex.badjson": (1, OVERLOADED),
    "codex.trunc": (1, OVERLOADED),
    "codex.empty": (0, ENDED),
    "codex.refused": (-9, CRASHED),  # with a feature that our configuration switches off it waits for ever
    "codex.resumed": (0, ENDED),
    "codex.steps_3": (0, ENDED),
    "codex.sig-hang-INT": (1, CRASHED),
    "codex.sig-hang-TERM": (-15, CRASHED),
    "codex.sig-retry-TERM": (1, LIMITED),
    "codex.sig-tool-INT": (1, CRASHED),
    "codex.sig-tool-TERM": (-15, CRASHED),
    # pi: 0 after every API failure
    "pi": (0, ENDED),
    "pi.400": (0, BAD),
    "pi.v2-400": (0, BAD),
    "pi.401": (0, AUTH),
    "pi.403": (0, AUTH),
    "pi.v2-403": (0, AUTH),
    "pi.v2-404": (0, BAD),
    "pi.429": (0, LIMITED),
    "pi.429x2": (0, ENDED),
    "pi.500": (0, OVERLOADED),
    "pi.503": (0, OVERLOADED),
    "pi.529": (0, OVERLOADED),
    "pi.badbody": (0, OVERLOADED),
    "pi.badjson": (0, OVERLOADED),
    "pi.trunc": (0, OVERLOADED),
    "pi.empty": (0, ENDED),
    "pi.refused": (0, UNREACHABLE),
    "pi.resumed": (0, ENDED),
    "pi.steps_3": (0, ENDED),
    "pi.sig-hang-INT": (-2, CRASHED),
    "pi.sig-hang-TERM": (143, CRASHED),
    "pi.sig-retry-TERM": (143, LIMITED),  # stopped while it waited for the limit's end
    "pi.sig-tool-INT": (-2, CRASHED),
    "pi.sig-tool-TERM": (143, CRASHED),
    # opencode: 1 after every API failure
    "opencode": (0, ENDED),
    "opencode.400": (1, BAD),
    "opencode.v2-400": (1, BAD),
    "opencode.401": (1, AUTH),
    "opencode.403": (1, AUTH),
    "opencode.v2-403": (1, AUTH),
    "opencode.v2-404": (1, BAD),
    "opencode.429": (1, LIMITED),
    "opencode.429x2": (0, ENDED),
    "opencode.500": (1, OVERLOADED),
    "opencode.503": (1, OVERLOADED),
    "opencode.529": (1, OVERLOADED),
    "opencode.badbody": (-9, CRASHED),  # asks again without end; the host stopped it
    "opencode.badjson": (1, OVERLOADED),
    "opencode.trunc": (1, OVERLOADED),
    "opencode.empty": (0, ENDED),
    "opencode.refused": (1, UNREACHABLE),
    "opencode.steps_3": (0, ENDED),
    "opencode.sig-hang-INT": (-2, CRASHED),
    "opencode.sig-hang-TERM": (-15, CRASHED),
    "opencode.sig-retry-TERM": (-15, CRASHED),
    "opencode.sig-tool-INT": (-2, CRASHED),
    "opencode.sig-tool-TERM": (-15, CRASHED),
    # gemini: the HTTP status modulo 256; signals are ignored until SIGKILL
    "gemini": (0, ENDED),
    "gemini.400": (144, BAD),
    "gemini.401": (145, AUTH),
    "gemini.403": (147, AUTH),
    "gemini.429": (173, LIMITED),
    "gemini.429x2": (0, ENDED),
    "gemini.500": (244, OVERLOADED),
    "gemini.503": (247, OVERLOADED),
    "gemini.529": (17, OVERLOADED),
    "gemini.badbody": (1, OVERLOADED),
    "gemini.badjson": (1, OVERLOADED),
    "gemini.empty": (0, OVERLOADED),  # says "error" of itself, with exit status 0
    "gemini.maxturns": (53, TURNS),
    "gemini.refused": (1, UNREACHABLE),
    "gemini.steps_3": (0, ENDED),
    "gemini.trunc": (0, ENDED),
    "gemini.sig-hang-INT": (-9, CRASHED),
    "gemini.sig-hang-TERM": (-9, CRASHED),
    "gemini.sig-retry-TERM": (-9, CRASHED),
    "gemini.sig-tool-INT": (-9, CRASHED),
    "gemini.sig-tool-TERM": (-9, CRASHED),
}


def events_of(name: str) -> list[SessionEvent]:
    agent = load(name.partition(".")[0])
    lines = (TRANSCRIPTS / f"{name}.jsonl").read_bytes().split(b"\n")
    return [event for line in lines for event in agent.parse(line)]


def ending(code: int, stderr: str = "") -> Ending:
    return Ending(status=code if code >= 0 else None, signal=-code if code < 0 else None, stderr_tail=stderr)


def conclusion_of(name: str, code: int) -> Conclusion:
    # As the host does it: what the model said and which tools it used is not even shown to the adapter.
    structural = [event for event in events_of(name) if not isinstance(event, Said | ToolCalled)]
    return load(name.partition(".")[0]).conclude(ending(code), structural)


def test_table_has_every_transcript() -> None:
    assert {path.stem for path in TRANSCRIPTS.glob("*.jsonl")} == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_cause(name: str) -> None:
    code, cause = TABLE[name]
    concluded = conclusion_of(name, code)
    assert concluded.cause == cause
    assert "\n" not in concluded.detail
    assert bool(concluded.detail) == (cause is not ENDED)


@pytest.mark.parametrize("name", TABLE)
def test_what_was_said_and_done_changes_nothing(name: str) -> None:
    code, _ = TABLE[name]
    everything = load(name.partition(".")[0]).conclude(ending(code), events_of(name))
    assert everything == conclusion_of(name, code)


@pytest.mark.parametrize("name", [name for name, (code, cause) in TABLE.items() if cause is ENDED])
def test_no_success_when_the_process_crashed_at_its_end(name: str) -> None:
    assert conclusion_of(name, -11).cause is Cause.CRASHED
    assert conclusion_of(name, 77).cause is Cause.CRASHED


@pytest.mark.parametrize("cli", CLIS)
def test_events_of_a_success(cli: str) -> None:
    events = events_of(cli)
    started = [event for event in events if isinstance(event, SessionStarted)]
    assert started
    assert len({event.session_id for event in started}) == 1
    tools = [event for event in events if isinstance(event, ToolCalled)]
    assert [tool.name for tool in tools] == [
        {"claude": "Bash", "codex": "shell", "gemini": "run_shell_command"}.get(cli, "bash")
    ]
    assert "git add -A" in tools[0].summary
    assert "\n" not in tools[0].summary
    assert [event.text for event in events if isinstance(event, Said)] == ["STUB-DONE: task complete."]
    assert isinstance(events[-1], SessionEnded)
    assert events[-1].ok


USAGE = {
    "claude": Usage(
        input_tokens=2000,
        cache_read_tokens=600,
        cache_write_tokens=400,
        output_tokens=100,
        reasoning_tokens=0,
        cost_usd=0.009179999999999999,
    ),
    "codex": Usage(
        input_tokens=2000,
        cache_read_tokens=600,
        cache_write_tokens=0,
        output_tokens=86,
        reasoning_tokens=14,
    ),
    "pi": Usage(input_tokens=2000, cache_read_tokens=600, cache_write_tokens=0, output_tokens=100),
    "opencode": None,  # tells the tokens of each step alone
    "gemini": Usage(
        input_tokens=2000,
        cache_read_tokens=600,
        cache_write_tokens=0,
        output_tokens=100,
        reasoning_tokens=14,
    ),
}


@pytest.mark.parametrize("cli", CLIS)
def test_usage(cli: str) -> None:
    last = events_of(cli)[-1]
    assert isinstance(last, SessionEnded)
    assert last.usage == USAGE[cli]


def test_retries_are_told_with_their_cause() -> None:
    def retries(name: str) -> list[tuple[Cause, int]]:
        return [(e.cause, e.attempt) for e in events_of(name) if isinstance(e, Retrying)]

    assert retries("claude.529")[:2] == [(OVERLOADED, 1), (OVERLOADED, 2)]
    assert retries("claude.401")[0] == (AUTH, 1)
    assert retries("claude.refused")[0] == (UNREACHABLE, 1)
    assert retries("codex.503") == [(OVERLOADED, attempt) for attempt in range(1, 6)]
    assert retries("codex.refused")[0] == (UNREACHABLE, 1)
    assert retries("pi.429") == [(LIMITED, 1), (LIMITED, 2), (LIMITED, 3)]
    assert len(retries("opencode.badbody")) > 50


def test_details_are_for_humans() -> None:
    assert conclusion_of("codex.v2-400", 1).detail == "stub failure 400"
    assert conclusion_of("pi.401", 0).detail == "401: invalid x-api-key"
    assert conclusion_of("gemini.403", 147).detail == "stub failure 403"
    assert conclusion_of("gemini.429", 173).detail == "This request would exceed your rate limit (stub)"
    assert conclusion_of("claude.maxturns", 1).detail == "Reached maximum number of turns (3)"
    assert conclusion_of("opencode.sig-hang-TERM", -15).detail == "ended by SIGTERM"


def test_pi_takes_a_page_of_html_for_an_empty_answer() -> None:
    message = (
        b'{"role":"assistant","content":[],"usage":{"input":0,"output":0,"cacheRead":0,"cacheWrite":0,'
        b'"totalTokens":0},"stopReason":"stop"}'
    )
    pi = load("pi")
    events = [
        *pi.parse(b'{"type":"message_end","message":' + message + b"}"),
        *pi.parse(b'{"type":"agent_end","messages":[' + message + b"]}"),
    ]
    assert pi.conclude(ending(0), events).cause is OVERLOADED


def test_gemini_tells_of_a_missing_model_on_stderr_only() -> None:
    gemini = load("gemini")
    failed = gemini.parse(
        b'{"type":"result","status":"error","error":{"type":"unknown",'
        b'"message":"[API Error: The model does not exist.]"}}'
    )
    stderr = "Error when talking to Gemini API\n    at async main (gemini.js:17627:5) {\n  code: 404\n}\n"
    assert gemini.conclude(ending(1, stderr), failed).cause is BAD
    assert gemini.conclude(ending(1), failed).cause is OVERLOADED
    assert (
        gemini.conclude(ending(1, stderr), gemini.parse(b'{"type":"init","session_id":"s"}')).cause is CRASHED
    )


def test_a_sandbox_may_show_geminis_exit_status_as_a_signal() -> None:
    gemini = load("gemini")
    failed = gemini.parse(
        b'{"type":"result","status":"error","error":{"type":"unknown","message":"Slow down"}}'
    )
    assert gemini.conclude(ending(-45), failed).cause is LIMITED
    assert gemini.conclude(ending(-17), failed).cause is AUTH
    assert gemini.conclude(ending(-9), failed).cause is OVERLOADED  # a real one: what it said last counts
    killed = gemini.conclude(ending(-45), gemini.parse(b'{"type":"init","session_id":"s"}'))
    assert killed.cause is CRASHED
