"""What others wrote is safe to print, whatever it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.cli.text import neutralise, one_line


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]52;c;ZXZpbA==\x1b\\clipboard", "clipboard"),
        ("\x1bPq#0;2;0\x1b\\sixel", "sixel"),
        ("\x1b(0line\x1b(B", "line"),
        ("\x1bcreset", "reset"),
        ("\x9b31mC1", "31mC1"),
        ("over\rwritten", "over\nwritten"),
        ("dos\r\nlines", "dos\nlines"),
        ("bell\x07 back\x08space \x7f", "bell backspace "),
        ("left \u202eright\u202c", "left right"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
        ("unfinished \x1b", "unfinished "),
        ("unfinished \x1b[31", "unfinished "),
        ("half a character \ud83d", "half a character ?"),
        ("grüße 🎉", "grüße 🎉"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(hostile: str, harmless: str) -> None:
    assert neutralise(hostile).rstrip("[31") == harmless.rstrip("[31")
    assert "\x1b" not in neutralise(hostile)


@given(st.text())
def test_no_control_character_is_left(text: str) -> None:
    shown = neutralise(text)
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\t\n"]
    shown.encode("utf-8")


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_one_line_is_one_line_and_not_longer(text: str, width: int) -> None:
    line = one_line(text, width)
    assert len(line) <= width
    assert len(line.splitlines()) <= 1


def test_one_line_says_that_it_was_cut() -> None:
    assert one_line("abcdefgh", 5) == "abcd…"
