"""What counts as an answer, in each vendor's format."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.judging.answer import Declined, Malformed, Said, clean, loads, vote_of
from fabrik.judging.model import Vote
from fabrik.judging.wire import WIRES
from fabrik.usage import Vendor

GOOD = {"feedback": "Fine.", "pass": True}
JSON = '{"feedback": "Fine.", "pass": true}'
PASSED = Vote(passed=True, feedback="Fine.")

ANTHROPIC = {
    "content": [{"type": "text", "text": "I see."}, {"type": "tool_use", "name": "verdict", "input": GOOD}],
    "stop_reason": "tool_use",
}
OPENAI = {
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "verdict", "arguments": JSON},
    ],
}
GEMINI = {
    "candidates": [
        {
            "content": {
                "parts": [
                    {"text": "hm", "thought": True},
                    {"functionCall": {"name": "verdict", "args": GOOD}},
                ]
            },
            "finishReason": "STOP",
        }
    ]
}


@pytest.mark.parametrize(
    ("vendor", "body"), [("anthropic", ANTHROPIC), ("openai", OPENAI), ("gemini", GEMINI)]
)
def test_a_call_is_a_vote(vendor: Vendor, body: dict[str, Any]) -> None:
    assert vote_of(WIRES[vendor].said(body)) == PASSED


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("anthropic", {**ANTHROPIC, "stop_reason": "max_tokens"}),
        ("anthropic", {**ANTHROPIC, "stop_reason": None}),
        ("openai", {**OPENAI, "status": "incomplete"}),
        ("gemini", {"candidates": [{**GEMINI["candidates"][0], "finishReason": "MAX_TOKENS"}]}),
        ("gemini", {"candidates": []}),
    ],
)
def test_what_was_cut_is_none(vendor: Vendor, body: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="cut off"):
        vote_of(WIRES[vendor].said(body))


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("anthropic", {"content": [], "stop_reason": "refusal"}),
        (
            "openai",
            {"status": "completed", "output": [{"type": "message", "content": [{"type": "refusal"}]}]},
        ),
        ("gemini", {"promptFeedback": {"blockReason": "SAFETY"}}),
        ("gemini", {"candidates": [{"finishReason": "PROHIBITED_CONTENT"}]}),
    ],
)
def test_a_refusal_is_none(vendor: Vendor, body: dict[str, Any]) -> None:
    with pytest.raises(Declined):
        vote_of(WIRES[vendor].said(body))


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *[
                        "content",
                        "type",
                        "output",
                        "candidates",
                        "parts",
                        "text",
                        "name",
                        "input",
                        "arguments",
                    ],
                    *["functionCall", "args", "status", "finishReason", "stop_reason", "promptFeedback"],
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(st.sampled_from(["anthropic", "openai", "gemini"]), st.dictionaries(st.text(max_size=8), junk) | junk)
def test_junk_is_never_a_vote(vendor: Vendor, body: Any) -> None:
    if not isinstance(body, dict):
        return
    with pytest.raises((Malformed, Declined)):
        vote_of(WIRES[vendor].said(body))


def test_two_calls_are_none() -> None:
    said = Said(calls=(("verdict", GOOD), ("verdict", {"feedback": "no", "pass": False})))
    with pytest.raises(Malformed, match="more than once"):
        vote_of(said)


def test_text_counts_only_where_nothing_was_called() -> None:
    assert vote_of(Said(text=f"\n{JSON}\n")) == PASSED
    with pytest.raises(Malformed, match="`pass` is neither"):
        vote_of(Said(calls=(("verdict", {"feedback": "", "pass": None}),), text=JSON))


@pytest.mark.parametrize(
    "text",
    [
        "pass",
        "true",
        '"pass"',
        f"{JSON} {JSON}",
        f"```json\n{JSON}\n```",
        '{"pass": true}',
        "{",
        "NaN",
        "[" * 9999,
    ],
)
def test_texts_that_are_no_answer(text: str) -> None:
    with pytest.raises(Malformed):
        vote_of(Said(text=text))


def test_a_field_that_is_said_twice_is_refused() -> None:
    with pytest.raises(Malformed, match="twice"):
        loads('{"feedback": "x", "pass": false, "pass": true}')


def test_what_is_kept_of_feedback_cannot_move_a_cursor() -> None:
    assert clean("a\x1b[31mb\x1b]0;title\x07c\r\nd\u202ee\0") == "abc\nde"
    long = vote_of(Said(calls=(("verdict", {"feedback": "x" * 99_999, "pass": False}),)))
    assert len(long.feedback) == 8_000
