"""Events as lines: known kinds tell their story, unknown ones are shown, and nothing breaks the screen."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.cli.render.events import RENDERERS, render
from fabrik.ledger.types import Event


def event(kind: str, data: dict[str, Any], step: str | None = "task/1/implement#1") -> Event:
    return Event(seq=1, run="01ABC", at=0.0, kind=kind, step=step, data=data)


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (
            "session.started",
            {"agent": "claude", "role": "implement", "task": "1", "attempt": 1},
            "claude implements · task 1",
        ),
        (
            "session.started",
            {"agent": "pi", "role": "fix", "task": "2", "attempt": 3},
            "pi fixes · task 2 · start 3",
        ),
        ("session.said", {"text": "one\ntwo"}, "one two"),
        ("session.tool", {"name": "Bash", "summary": "ls"}, "Bash  ls"),
        ("session.ended", {"cause": "ended", "seconds": 12.0, "detail": ""}, "session ended · 12 s"),
        (
            "session.ended",
            {"cause": "timed_out", "seconds": 60, "detail": "x"},
            "session ended: timed out · 1 m 00 s · x",
        ),
        ("check.passed", {"name": "tests", "seconds": 0.5, "status": 0}, "tests · 0.5 s"),
        (
            "check.failed",
            {"name": "tests", "seconds": 0.5, "status": 2, "tail": ""},
            "tests · exit status 2 · 0.5 s",
        ),
        (
            "check.failed",
            {"name": "t", "seconds": 9, "status": None, "stopped_by": "time"},
            "t · stopped by its time limit · 9.0 s",
        ),
        (
            "task.accepted",
            {"task": "1", "commit": "a" * 40, "files": 1},
            "task 1 accepted · aaaaaaaaaa · 1 file changed",
        ),
        ("run.verdict", {"verdict": "shipped", "reason": None}, "shipped"),
        ("run.verdict", {"verdict": "blocked", "reason": "which one?"}, "blocked: which one?"),
        ("gate.approved", {"by": "ada", "notes": None}, "approved · by ada"),
        ("gate.rejected", {"by": "ada", "notes": "no tests"}, "rejected · by ada · no tests"),
        (
            "egress.refused",
            {"host": "evil.example"},
            "refused: a connection to evil.example (the project does not allow it)",
        ),
        (
            "egress.refused",
            {"host": "evil.example", "port": 443, "why": "not on the list"},
            "refused: a connection to evil.example:443 (not on the list)",
        ),
        (
            "egress.refused",
            {"host": "*", "port": 0, "why": "700 requests and connections in all"},
            "refused: 700 requests and connections in all",
        ),
        (
            "shipped",
            {"branch": "spec-1", "commit": "b" * 40, "target": "/p"},
            "branch spec-1 at bbbbbbbbbb · in /p",
        ),
        (
            "model.call",
            {"outcome": "budget", "status": 402, "model": "m", "seconds": 0.1},
            "model call budget · m · HTTP 402 · 0.1 s",
        ),
        ("warning", {"text": "careful"}, "careful"),
        ("task.report", {"task": "1", "status": "failed", "commit": None}, "task 1 is not accepted"),
        ("brand.new", {"colour": "blue", "n": 3}, "brand.new colour=blue n=3"),
    ],
)
def test_what_is_said_of_an_event(kind: str, data: dict[str, Any], text: str) -> None:
    assert " ".join(render(event(kind, data)).text.split()) == " ".join(text.split())


def test_a_failed_check_shows_the_end_of_its_output() -> None:
    tail = "\n".join(f"line {number}" for number in range(40)) + "\n\x1b[31mAssertionError\x1b[0m"
    line = render(event("check.failed", {"name": "tests", "seconds": 1, "status": 1, "tail": tail}))
    assert line.tone == "bad"
    assert line.detail[-1] == "AssertionError"
    assert line.detail[0] == "[… 31 lines before]"


def test_a_check_that_fails_before_the_work_is_no_bad_news() -> None:
    data = {"name": "tests", "seconds": 1, "status": 1, "tail": "missing"}
    line = render(event("check.failed", data, step="baseline"))
    assert line.tone == "dim"
    assert "before the work" in line.text
    assert line.detail == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [
    "text",
    "name",
    "seconds",
    "status",
    "tail",
    "task",
    "commit",
    "files",
    "reason",
    "until",
    "verdict",
]


@given(
    st.sampled_from([*RENDERERS, "other.kind"]),
    st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), JSON, max_size=6),
    st.none() | st.text(max_size=20),
)
def test_no_data_breaks_a_line_or_the_terminal(kind: str, data: dict[str, Any], step: str | None) -> None:
    line = render(event(kind, data, step))
    for text in (line.text, *line.detail):
        assert len(text.splitlines()) <= 1
        assert not [char for char in text if unicodedata.category(char) == "Cc" and char != "\t"]
