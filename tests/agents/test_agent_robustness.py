"""No line, no ending and nothing that a model says can break an adapter or fool it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fabrik.agents.agent import Conclusion, Ending
from fabrik.agents.registry import AGENTS, load
from fabrik.events import Failed, Retrying, Said, SessionEnded, SessionEvent, SessionStarted, ToolCalled
from fabrik.outcome import Cause

TRANSCRIPTS = Path(__file__).parent / "transcripts"
CLIS = ("claude", "codex", "pi", "opencode", "gemini")

# Every name and word that an adapter looks at, so that random objects get far into it.
RECORDED = [
    line
    for cli in CLIS
    for path in TRANSCRIPTS.glob(f"{cli}*.jsonl")
    for line in path.read_bytes().split(b"\n")
]


def _words(value: Any, found: set[str]) -> set[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            found.add(name)
            _words(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _words(inner, found)
    elif isinstance(value, str) and len(value) < 30:
        found.add(value)
    return found


def _vocabulary() -> list[str]:
    found: set[str] = set()
    for line in RECORDED[:400]:
        try:
            _words(json.loads(line), found)
        except ValueError:
            continue
    more = {
        "rate_limit_event",
        "rate_limit_info",
        "rejected",
        "resetsAt",
        "retry-after",
        "say",
        "tool",
        "end",
    }
    return sorted(found | more)


WORDS = st.sampled_from(_vocabulary())
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | WORDS
    | st.sampled_from([10**400, -(10**400), 2**63, "\ud800", "\x1b[2J", "999", "Reconnecting... 1/5 (x)"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=25,
)
FIELDS = """subtype message item part error usage stats content rate_limit_info event timestamp messages
    session_id sessionID id status result is_error text stopReason"""
OBJECTS = st.fixed_dictionaries({"type": WORDS}, optional=dict.fromkeys(FIELDS.split(), VALUES))

NASTY = [
    b"",
    b"\n",
    b"\x00" * 100,
    b"\xff\xfe\xfa{",
    b"{" * 100_000,
    b'{"a":' * 100_000,
    b'{"type":"result","usage":' + b"[" * 100_000,
    b'{"type":"result","usage":{"input_tokens":' + b"9" * 100_000 + b"}}",
    b'{"type":"result","total_cost_usd":1e999999,"usage":{"input_tokens":NaN,"output_tokens":-Infinity}}',
    b'{"type":"text","part":{"text":"\\ud800\\udfff\\u0000\\u001b[31m"}}',
    b'{"type":"text","part":{"text":"' + b"x" * (1 << 20) + b'"}}',
    b"x" * (64 << 10),
    b'{"type":"say","text":"' + b"\xff" * (64 << 10) + b'"}',
    b'{"type":"error","message":"Reconnecting... ' + b"9" * 10_000 + b'/5 (x)"}',
    b'{"type":"error","timestamp":1e308,"error":{"data":{"statusCode":429,"responseHeaders":{"retry-after":"-1"}}}}',
    b'{"type":"error","timestamp":1,"error":{"data":{"statusCode":429,"responseHeaders":{"retry-after":"'
    b'Fri, 31 Dec 9999999 23:59:59 GMT"}}}}',
    "\ufeff{}".encode(),
]


def check(events: Any) -> None:
    for event in events:
        match event:
            case Said(text=text):
                assert text
                assert "\x1b" not in text
                text.encode()
            case ToolCalled(name=name, summary=summary):
                assert name
                assert "\n" not in summary
                (name + summary).encode()
            case Failed(detail=detail):
                assert "\n" not in detail
                assert len(detail) <= 300
                detail.encode()
            case Retrying(attempt=attempt):
                assert attempt >= 1
            case SessionStarted(session_id=session):
                assert session
                session.encode()
            case SessionEnded(usage=usage):
                assert usage is None or usage.total_tokens is None or usage.total_tokens >= 0
            case _:
                raise AssertionError(event)


@pytest.mark.parametrize("name", AGENTS)
@pytest.mark.parametrize("line", NASTY, ids=range(len(NASTY)))
def test_nasty_lines(name: str, line: bytes) -> None:
    check(load(name).parse(line))


@pytest.mark.parametrize("name", AGENTS)
@given(line=st.binary(max_size=300))
@settings(deadline=None, max_examples=60)
def test_any_bytes(name: str, line: bytes) -> None:
    check(load(name).parse(line))


@pytest.mark.parametrize("name", AGENTS)
@given(value=OBJECTS)
@settings(deadline=None, max_examples=100)
def test_any_object(name: str, value: dict[str, Any]) -> None:
    check(load(name).parse(json.dumps(value).encode()))


@pytest.mark.parametrize("cli", CLIS)
@given(data=st.data())
@settings(deadline=None, max_examples=100)
def test_recorded_lines_cut_and_mixed(cli: str, data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(RECORDED))
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(0, len(line)))
    check(load(cli).parse(line[:end]))
    check(load(cli).parse(line[:start] + line[end:]))


EVENTS = st.lists(
    st.builds(SessionStarted, session_id=st.just("s"))
    | st.builds(Retrying, cause=st.sampled_from(Cause), attempt=st.just(1))
    | st.builds(Failed, cause=st.sampled_from(Cause), detail=st.just("d"), resets_at=st.none() | st.just(9.0))
    | st.builds(SessionEnded, ok=st.booleans()),
    max_size=6,
)
ENDINGS = st.builds(
    Ending, status=st.integers(0, 255), signal=st.none(), stderr_tail=st.text(max_size=50)
) | st.builds(Ending, status=st.none(), signal=st.integers(1, 70), stderr_tail=st.just(""))


@pytest.mark.parametrize("name", AGENTS)
@given(ending=ENDINGS, events=EVENTS)
@example(ending=Ending(status=0, signal=None, stderr_tail=""), events=[])
@settings(deadline=None, max_examples=80)
def test_only_a_clean_end_is_an_end(name: str, ending: Ending, events: list[SessionEvent]) -> None:
    concluded = load(name).conclude(ending, events)
    assert isinstance(concluded, Conclusion)
    if concluded.cause is Cause.ENDED and not any(isinstance(event, Failed) for event in events):
        assert ending.status == 0
        assert name == "command" or SessionEnded(ok=True) in events


TALK = (
    "Rate limit reached: 429 Too Many Requests. 401 Unauthorized, invalid x-api-key! It is overloaded "
    '(529). Exit status 145. [API Error: {"error":{"code":401}}] exceeded retry limit, last status: 429\n'
    '{"type":"result","subtype":"success","is_error":true,"api_error_status":429}\n'
    '{"type":"turn.failed","error":{"message":"unexpected status 401"}}\n'
    '{"type":"error","error":{"name":"APIError","data":{"statusCode":429}}}\n'
    '{"type":"message_end","message":{"role":"assistant","stopReason":"error","errorMessage":"429"}}\n'
)


@pytest.mark.parametrize("cli", CLIS)
def test_talk_about_failures_is_not_a_failure(cli: str) -> None:
    recorded = (TRANSCRIPTS / f"{cli}.jsonl").read_text()
    escaped = json.dumps(TALK)[1:-1]
    talking, said = re.subn(r"STUB-DONE: task complete\.", lambda _: escaped, recorded)
    talking, printed = re.subn(r"[0-9a-f]{7} stub commit", lambda _: escaped, talking)
    assert said
    assert printed
    agent = load(cli)
    events = [event for line in talking.encode().split(b"\n") for event in agent.parse(line)]
    assert any(isinstance(event, Said) and "last status: 429" in event.text for event in events)
    assert not any(isinstance(event, Failed | Retrying) for event in events)
    ending = Ending(status=0, signal=None, stderr_tail=TALK)
    assert agent.conclude(ending, events).cause is Cause.ENDED
    crashed = agent.conclude(Ending(status=1, signal=None, stderr_tail=TALK), events)
    assert crashed.cause is Cause.CRASHED


@pytest.mark.parametrize("name", AGENTS)
def test_a_program_that_does_not_start(name: str) -> None:
    concluded = load(name).conclude(Ending(status=127, signal=None, stderr_tail="not found: it"), ())
    assert concluded.cause is Cause.NOT_STARTED
    assert concluded.detail == "exit status 127: not found: it"


@pytest.mark.parametrize("name", [name for name in AGENTS if name != "command"])
def test_silence_is_not_an_end(name: str) -> None:
    concluded = load(name).conclude(Ending(status=0, signal=None, stderr_tail=""), ())
    assert concluded.cause is Cause.CRASHED


def test_times_of_reset() -> None:
    limit = b'{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":1795190000,' \
        b'"rateLimitType":"five_hour"}}'  # fmt: skip
    result = b'{"type":"result","is_error":true,"api_error_status":429,"result":"You have hit your limit"}'
    claude = load("claude")
    events = [*claude.parse(limit), *claude.parse(result)]
    concluded = claude.conclude(Ending(status=1, signal=None, stderr_tail=""), events)
    assert concluded == Conclusion(
        cause=Cause.RATE_LIMITED, detail="You have hit your limit", resets_at=1795190000
    )
    allowed = limit.replace(b"rejected", b"allowed_warning")
    assert list(claude.parse(allowed)) == []

    error = {
        "type": "error",
        "timestamp": 1795165928803,
        "error": {"name": "APIError", "data": {"message": "m", "statusCode": 429, "responseHeaders": {}}},
    }
    opencode = load("opencode")

    def resets(header: str) -> float | None:
        error["error"]["data"]["responseHeaders"] = {"retry-after": header}  # type: ignore[index]
        (event,) = opencode.parse(json.dumps(error).encode())
        assert isinstance(event, Failed)
        return event.resets_at

    assert resets("30") == 1795165958.803
    assert resets("Fri, 20 Nov 2026 10:00:00 GMT") == 1795168800
    assert resets("soon") is None
