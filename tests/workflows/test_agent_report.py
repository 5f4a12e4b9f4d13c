"""The agent's report: what can be understood is taken, and nothing in it breaks anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrik.workflows.agent_report import ITEM_CHARACTERS, ITEMS, REPORT_BYTES, AgentReport, read_report


def read(document: Any) -> tuple[AgentReport | None, str]:
    return read_report(json.dumps(document).encode())


def test_a_whole_report() -> None:
    document = {
        "v": 1,
        "taskId": "index",
        "status": "blocked",
        "work": ["read it"],
        "files": ["a.py"],
        "tests": ["make test"],
        "issues": ["two ways"],
        "next": ["which one?"],
        "rootCause": "tolerated",
    }
    expected = AgentReport(
        status="blocked",
        task_id="index",
        work=("read it",),
        files=("a.py",),
        tests=("make test",),
        issues=("two ways",),
        next=("which one?",),
    )
    assert read(document) == (expected, "")
    assert read_report(b"\xef\xbb\xbf" + json.dumps(document).encode()) == (expected, "")


@pytest.mark.parametrize(
    ("document", "expected", "problem"),
    [
        ({"status": "done"}, AgentReport(status="done"), ""),
        ({"status": "done", "issues": []}, AgentReport(status="done"), ""),
        ({"status": "done", "issues": None}, AgentReport(status="done"), ""),
        ({"status": "done", "taskId": 3}, AgentReport(status="done", task_id="3"), ""),
        ({"v": 2, "status": "done"}, AgentReport(status="done"), "v is not 1"),
        ({"v": True, "status": "done"}, AgentReport(status="done"), "v is not 1"),
        ({"status": "done", "taskId": []}, AgentReport(status="done"), "taskId is not a text"),
        (
            {"status": "failed", "next": "ask"},
            AgentReport(status="failed", next=("ask",)),
            "next is not a list",
        ),
        (
            {"status": "failed", "next": ["a", 1, " "]},
            AgentReport(status="failed", next=("a",)),
            "next is not a list",
        ),
        ({"status": "done", "work": {}}, AgentReport(status="done"), "work is not a list of texts"),
        ({"status": "done", "work": ["\ud800x"]}, AgentReport(status="done", work=("?x",)), ""),
    ],
)
def test_what_can_be_understood_is_taken(document: Any, expected: AgentReport, problem: str) -> None:
    report, told = read(document)
    assert report == expected
    assert problem in told and bool(problem) == bool(told)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"all done!", "is not valid JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"[1]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b"{}", "has no status"),
        (b'{"status": "DONE"}', 'has the status "DONE"; known are done, blocked and failed'),
        (b'{"status": ["done"]}', "has the status"),
        (b'{"status": "' + b"x" * 1000 + b'"}', "has the status"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"v": ' + b"1" * 6000 + b"}", "is not valid JSON"),
        (b" " * (REPORT_BYTES + 1), "is larger than 1 MiB and was not read"),
    ],
)
def test_what_is_no_report(data: bytes, problem: str) -> None:
    report, told = read_report(data)
    assert report is None
    assert problem in told and "\n" not in told and len(told) < 300


def test_a_flood_is_cut() -> None:
    report, _ = read({"status": "done", "work": ["x" * 3000] * 200, "taskId": "y" * 5000})
    assert report is not None
    assert len(report.work) == ITEMS and {len(item) for item in report.work} == {ITEM_CHARACTERS}
    assert len(report.task_id) == ITEM_CHARACTERS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from(["v", "taskId", "status", "work", "files", "tests", "issues", "next", "x"])


@settings(deadline=None)
@given(st.dictionaries(KEYS, JSON), st.booleans())
def test_any_report_is_read_or_told(document: dict[str, Any], claimed: bool) -> None:
    report, told = read(document | ({"status": "done"} if claimed else {}))
    assert report is not None or (told and not claimed)
    if report is not None:
        for item in (*report.work, *report.issues, *report.next, report.task_id):
            item.encode()


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    report, told = read_report(data)
    assert report is not None or told
