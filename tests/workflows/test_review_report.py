"""Reports of reviewers: what is not certainly an answer of this reviewer about this commit is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrik.workflows.review.document import (
    DOCUMENT_BYTES,
    ITEM_CHARACTERS,
    ITEMS,
    MOST_PROBLEMS,
    PROBLEM_CHARACTERS,
)
from fabrik.workflows.review.model import Reported
from fabrik.workflows.review.report import read_review

COMMIT = "0123456789abcdef0123456789abcdef01234567"
APPROVED = {"v": 1, "reviewer": "security", "commit": COMMIT, "status": "approved"}
REQUESTED = APPROVED | {"status": "changes_requested", "issues": ["a.py:1: wrong"]}


def read(data: bytes | None) -> Reported | str:
    return read_review(data, reviewer="security", commit=COMMIT)


def of(document: Any, **changes: Any) -> Reported | str:
    return read(json.dumps(document | changes).encode())


def fine(document: Any, **changes: Any) -> Reported:
    found = of(document, **changes)
    assert isinstance(found, Reported), found
    return found


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (APPROVED, Reported(approved=True)),
        (APPROVED | {"issues": [], "next": []}, Reported(approved=True)),
        (APPROVED | {"issues": None, "next": None}, Reported(approved=True)),
        (APPROVED | {"issues": ["a remark"]}, Reported(approved=True, issues=("a remark",))),
        (APPROVED | {"issues": ["", " \n"]}, Reported(approved=True)),
        (APPROVED | {"commit": COMMIT[:12]}, Reported(approved=True)),
        (APPROVED | {"commit": COMMIT[:39]}, Reported(approved=True)),
        (APPROVED | {"score": {"a": [1, 2.5, None]}}, Reported(approved=True)),
        (REQUESTED, Reported(approved=False, issues=("a.py:1: wrong",))),
        (
            REQUESTED | {"issues": ["", "one", " two\n"], "next": ["later"]},
            Reported(approved=False, issues=("one", "two"), next=("later",)),
        ),
    ],
)
def test_reports_that_count(document: Any, expected: Reported) -> None:
    assert of(document) == expected


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"v": 2}, "v is not 1 but 2"),
        ({"v": True}, "v is not 1 but true"),
        ({"v": 1.0}, "v is not 1 but 1.0"),
        ({"v": "1"}, "v is not 1 but “1”"),
        ({"v": 10**400}, "v is not 1 but a very large number"),
        ({"reviewer": "simplicity"}, "reviewer is not “security” but “simplicity”"),
        ({"reviewer": "Security"}, "reviewer is not “security” but “Security”"),
        ({"reviewer": ["security"]}, "reviewer is not “security” but a list"),
        ({"commit": "f" * 40}, "commit is not"),
        ({"commit": COMMIT[:11]}, "commit is not"),
        ({"commit": COMMIT + "0"}, "commit is not"),
        ({"commit": ""}, "commit is not"),
        ({"commit": "HEAD"}, "but “HEAD”"),
        ({"commit": None}, "but null"),
        ({"commit": int("1" * 40)}, "a very large number"),
        ({"status": "approve"}, "status is not “approved” or “changes_requested” but “approve”"),
        ({"status": "Approved"}, "but “Approved”"),
        ({"status": True}, "but true"),
        ({"status": ["approved"]}, "but a list"),
        ({"status": {}}, "but an object"),
        ({"status": "no_verdict"}, "but “no_verdict”"),
        ({"issues": "a.py: wrong"}, "issues is not a list of texts but “a.py: wrong”"),
        ({"issues": ["fine", 1]}, "issues is not a list of texts but a list"),
        ({"issues": [{"path": "a.py"}]}, "issues is not a list of texts"),
        ({"issues": {}}, "issues is not a list of texts but an object"),
        ({"next": [["a"]]}, "next is not a list of texts"),
        ({"status": "changes_requested"}, "issues names nothing"),
        ({"status": "changes_requested", "issues": []}, "issues names nothing"),
        ({"status": "changes_requested", "issues": [" ", "\u200b\u202e\u0007", "\u200d"]}, "names nothing"),
        ({"status": "changes_requested", "next": ["do it"]}, "issues names nothing"),
    ],
)
def test_reports_that_do_not_count(changes: Any, problem: str) -> None:
    found = of(APPROVED, **changes)
    assert isinstance(found, str) and problem in found


@pytest.mark.parametrize("key", ["v", "reviewer", "commit", "status"])
def test_what_must_be_there(key: str) -> None:
    found = of({name: value for name, value in APPROVED.items() if name != key})
    assert isinstance(found, str) and found.startswith(f"{key} is not") and found.endswith("but missing")


def test_all_problems_are_told_in_one_line() -> None:
    found = of({"v": 3, "reviewer": "x\ny", "status": "changes_requested", "issues": 1, "next": "a"})
    assert isinstance(found, str) and "\n" not in found
    for word in ("v is not", "“x y”", "commit is not", "issues is not", "next is not", "names nothing"):
        assert word in found


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "there is no report"),
        (b"", "is empty"),
        (b" \r\n\t", "is empty"),
        (b"APPROVED", "not one valid JSON object"),
        (b"[]", "not a JSON object but an empty list"),
        (b'"approved"', "not a JSON object but “approved”"),
        (b"null", "not a JSON object but null"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"status": "\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": -Infinity}', "-Infinity is no JSON"),
        (b'{"a": 1,}', "not one valid JSON object"),
        (b"{'v': 1}", "not one valid JSON object"),
        (b'{"a":' * 20_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not one valid JSON object"),
        (b" " * DOCUMENT_BYTES + b"{}", "larger than 1 MiB"),
    ],
)
def test_what_is_no_report_at_all(data: bytes | None, problem: str) -> None:
    found = read(data)
    assert isinstance(found, str) and problem in found and "\n" not in found


TEXT = json.dumps(APPROVED)


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{TEXT}",
        f"\r\n \t{TEXT}\n\n",
        f"```json\n{TEXT}\n```",
        f"\n```\n{TEXT}\n```\n\n",
        f"```JSON\r\n{TEXT}\r\n```",
        f"````json\n{TEXT}\n````",
        f"```json\n{json.dumps(APPROVED, indent=2)}\n  ```",
        "```json\n" + json.dumps(APPROVED | {"next": ["use ```json fences"]}) + "\n```",
    ],
)
def test_one_object_may_stand_in_a_fence_and_behind_a_byte_order_mark(text: str) -> None:
    found = read(text.encode())
    assert isinstance(found, Reported) and found.approved


@pytest.mark.parametrize(
    "text",
    [
        f"{TEXT} {TEXT}",
        f"{TEXT}\nI approve.",
        f"Here is my report:\n{TEXT}",
        f"```json\n{TEXT}\n```\nDone.",
        f"My report:\n```json\n{TEXT}\n```",
        f"```json\n{TEXT}\n```\n```json\n{TEXT}\n```",
        f"```json\n{TEXT}",
        f"```json\n{TEXT}\n````",
        f"```python\n{TEXT}\n```",
        f"```json\n```json\n{TEXT}\n```\n```",
        f"\ufeff\ufeff{TEXT}",
        f"{TEXT}\0",
        f"\u00a0{TEXT}",
    ],
)
def test_nothing_else_may_stand_around_it(text: str) -> None:
    found = read(text.encode())
    assert isinstance(found, str) and "not one valid JSON object" in found


@pytest.mark.parametrize(
    ("more", "fine"),
    [
        ('"status": "changes_requested"', False),
        ('"status": "approved"', True),
        ('"\\u0073tatus": "changes_requested"', False),
        ('"v": true', False),
        ('"v": 1.0', False),
        ('"x": {"y": 1, "y": 2}', False),
        ('"x": {"y": [1], "y": [1]}', True),
        ('"Status": "changes_requested"', True),
    ],
)
def test_keys_that_contradict_each_other(more: str, fine: bool) -> None:
    found = read(f"{TEXT[:-1]}, {more}}}".encode())
    assert isinstance(found, Reported) if fine else isinstance(found, str) and "twice" in found


def test_a_contradiction_counts_whichever_comes_last() -> None:
    found = read(f'{{"status": "changes_requested", {TEXT[1:]}'.encode())
    assert found == "“status” is there twice with different values"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x00b\x1b[31mc\x7f\x9b", "ab[31mc"),
        ("a\u202eb\u2066c\u200fd\u061c", "abcd"),
        ("a\ufeffb\u200bc\u00add\U000e0041", "abcd"),
        ("a\ud800b", "a?b"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("\ta\tb ", "a\tb"),
        ("naïve 日本 👩\u200d💻 می\u200cخواهم", "naïve 日本 👩\u200d💻 می\u200cخواهم"),
    ],
)
def test_texts_are_kept_in_plain_characters(text: str, kept: str) -> None:
    assert fine(REQUESTED, issues=[text], next=[text]) == Reported(
        approved=False, issues=(kept,), next=(kept,)
    )


def test_what_is_too_much_is_cut_and_told() -> None:
    long = "x" * (ITEM_CHARACTERS + 7)
    found = fine(REQUESTED, issues=[long] + ["y"] * (ITEMS + 2), next=["z"] * (ITEMS + 1))
    assert len(found.issues) == ITEMS
    assert found.issues[0] == "x" * ITEM_CHARACTERS + " … (7 more characters were cut)"
    assert found.next == ("z",) * ITEMS + ("3 more issues were not kept", "1 more next were not kept")
    exact = fine(REQUESTED, issues=["x" * ITEM_CHARACTERS] * ITEMS)
    assert exact.issues == ("x" * ITEM_CHARACTERS,) * ITEMS and exact.next == ()


def test_what_is_told_is_bounded() -> None:
    many = ", ".join(f'"{"k" * 500}{n}": 1, "{"k" * 500}{n}": 2' for n in range(200))
    found = read(f"{{{many}}}".encode())
    assert isinstance(found, str) and "more problems" in found
    assert len(found) < (MOST_PROBLEMS + 1) * (PROBLEM_CHARACTERS + 2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
KEYS = ("v", "reviewer", "commit", "status", "issues", "next")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail_or_approve(data: bytes) -> None:
    assert isinstance(read(data), str)


@settings(deadline=None)
@given(st.sampled_from([APPROVED, REQUESTED]), st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3))
def test_no_document_makes_it_fail(document: dict[str, Any], changes: dict[str, Any]) -> None:
    found = of(document, **changes)
    if isinstance(found, str):
        assert found and "\n" not in found
        return
    final = document | changes
    assert final["reviewer"] == "security" and final["commit"] == COMMIT and final["v"] == 1
    assert found.approved is (final["status"] == "approved")
    assert found.approved or found.issues
    for text in (*found.issues, *found.next):
        assert text.strip() and text.encode("utf-8")


@settings(deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_no_damage_makes_it_fail_or_count_for_another(at: int, put: bytes, gone: int) -> None:
    data = TEXT.encode()
    found = read(data[:at] + put + data[at + gone :])
    if isinstance(found, Reported):
        assert found == Reported(approved=True)  # damaged in nothing that matters
    half = read(data[:at])
    assert isinstance(half, str)
