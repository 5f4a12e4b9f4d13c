"""Puts sections of lines on one screen: what is too long is cut with a count. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from fabrik.cli.screen import Tone
from fabrik.cli.text import neutralise, one_line

Painted = tuple[str, Tone]

_BREAK = re.compile(r"\s*[\n\t]\s*")


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and its lines, the most important ones first."""

    heading: Painted | None
    lines: tuple[Painted, ...] = ()
    more: str = "and {n} more"  # said instead of the lines that found no room
    least: int = 1  # lines that are shown at any rate


def columns(text: str) -> int:
    """How many columns a terminal needs for the text."""
    return sum(_columns_of(char) for char in text)


def _columns_of(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text neutralised, on one line of at most so many columns, with an ellipsis where it was cut.

    Blanks are kept, so that what stands in columns goes on to do so.
    """
    line = _BREAK.sub(" ", neutralise(text[: max(1, width) * 20]))
    if columns(line) <= width:
        return line
    kept, used = [], 1
    for char in line:
        used += _columns_of(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept).rstrip("…") + "…"


def pad(text: str, width: int) -> str:
    """The text, cut or filled up to exactly so many columns."""
    text = cut(text, width)
    return text + " " * (width - columns(text))


def wrap(text: str, width: int, most: int) -> list[str]:
    """The text neutralised, in at most so many lines, broken between words."""
    lines: list[str] = []
    rest = one_line(text, width * most * 2)
    while rest and len(lines) < most - 1 and columns(rest) > width:
        at = rest.rfind(" ", 0, width + 1)
        at = at if at > width // 3 else width
        lines.append(rest[:at].rstrip())
        rest = rest[at:].lstrip()
    return [*lines, cut(rest, width)] if rest else lines


def fit(sections: Sequence[Section], *, width: int, height: int) -> list[Painted]:
    """The sections in at most `height` lines of the screen, as far as their least lines allow that.

    Room is given line by line to each section in turn, so that a long one does not displace the others. A
    line that is wider than the screen takes as many as the terminal will break it into.
    """
    shown = [min(len(section.lines), section.least) for section in sections]
    grown = True
    while grown:
        grown = False
        for at, section in enumerate(sections):
            if shown[at] == len(section.lines):
                continue
            shown[at] += 1
            if _height(sections, shown, width) <= height:
                grown = True
            else:
                shown[at] -= 1
    return [line for section, n in zip(sections, shown, strict=True) for line in _cut_off(section, n)]


def _height(sections: Sequence[Section], shown: Sequence[int], width: int) -> int:
    return sum(
        max(1, -(-columns(text) // width))
        for section, n in zip(sections, shown, strict=True)
        for text, _ in _cut_off(section, n)
    )


def _cut_off(section: Section, shown: int) -> list[Painted]:
    left = len(section.lines) - shown
    head = [section.heading] if section.heading is not None else []
    if left == 0:
        return [*head, *section.lines]
    return [*head, *section.lines[:shown], ("  " + section.more.format(n=left), "dim")]
