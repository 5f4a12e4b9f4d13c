"""Text that agents and people read: nothing in it hides, reorders or pretends."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.workflows.review.text import plain, readable, visible

# Marks of format that have a shape of their own.
DRAWN = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD, *range(0x13430, 0x13456)}


def test_everything_that_is_not_seen_is_named() -> None:
    hidden = [
        chr(point)
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and point not in DRAWN
    ]
    for char in hidden:
        if char not in "\t\n\r":
            assert visible(f"a{char}b") == f"a<U+{ord(char):04X}>b"
    for char in "\u3164\u115f\uffa0\u034f\U000e0100":
        assert visible(char) == f"<U+{ord(char):04X}>"
    fine = "aÄß日本語 👩 ✔️ é e\u0301 \u00a0 م\tx\n"
    assert visible(fine) == fine


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\r\n-b\r\n+c\r\n \r\n",
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\n-b\n+c\n \n",
        ),
        (" a\r\n-b\r\n+b\n", " a<U+000D>\n-b<U+000D>\n+b\n"),
        (" a\r\n+\n", " a<U+000D>\n+\n"),
        ("+a\rb\n", "+a<U+000D>b\n"),
        ("+a\rb\r\n", "+a<U+000D>b\n"),
    ],
)
def test_line_ends_are_told_where_they_differ(text: str, expected: str) -> None:
    assert visible(text) == expected


@pytest.mark.parametrize("path", ["a.py", "dir/ü b.py", "日本.txt", "it's", "a:3", "-rf", "$(x)"])
def test_harmless_paths_stay_as_they_are(path: str) -> None:
    assert readable(path) == path


@pytest.mark.parametrize(
    "path",
    ["", " a", "a ", "a\nb", "\x1b[2K", "a\u202eb", "a\u200db", "a`b", '"a"', "a\\b", "\udc80", "\u3164"],
)
def test_other_paths_are_quoted(path: str) -> None:
    shown = readable(path)
    assert shown.isascii() and shown.isprintable() and json.loads(shown) == path


@given(st.text(st.characters(), max_size=30))
def test_nothing_of_it_fails(text: str) -> None:
    plain(text).encode()
    visible(text).encode()
    assert "\n" not in readable(text)
    assert plain(plain(text)) == plain(text)
