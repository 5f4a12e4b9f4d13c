"""Contents as text, within bounds. Whatever the bytes are, nothing here raises."""

from __future__ import annotations

import unicodedata
from collections import Counter

from fabrik.tampering.model import FileVersion

MAX_TEXT = 2_000_000  # characters of one file that are looked at
MAX_LINE = 4_000  # characters of one line that patterns are tried on
_SAID = 80  # characters of foreign text within a finding


def named(words: str) -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(words.split())


def effort(content: bytes) -> int:
    """What it costs to compare a source, about in bytes: many tiny statements cost more than a long one."""
    return len(content) + 15 * (content.count(b"\n") + content.count(b";"))


def is_regular(version: FileVersion | None) -> bool:
    return version is not None and version.mode.startswith("100")


def text_of(version: FileVersion | None) -> str | None:
    """A file as text; None: there is none, it is binary, or it is no regular file."""
    if version is None or not is_regular(version) or b"\0" in version.content[:8000]:
        return None
    return version.content[:MAX_TEXT].decode("utf-8", errors="replace")


def too_large(version: FileVersion | None) -> bool:
    return version is not None and len(version.content) > MAX_TEXT


def added_lines(before: str | None, after: str | None) -> list[tuple[int, str]]:
    """The lines (number, text) of `after` that `before` has not, wherever they stand; linear in both."""
    had = Counter(line.strip() for line in (before or "").split("\n"))
    added = []
    for number, line in enumerate((after or "").split("\n"), 1):
        key = line.strip()
        if had[key] > 0:
            had[key] -= 1
        elif key:
            added.append((number, line))
    return added


def gone_lines(before: str | None, after: str | None) -> list[tuple[int, str]]:
    """The lines (number in `before`, text) that `after` has no more."""
    return added_lines(after, before)


def quoted(text: str) -> str:
    """Foreign text made fit for a finding: one line, short, nothing invisible."""
    seen = " ".join(text[: _SAID * 4].split())
    plain = "".join(char if unicodedata.category(char)[0] != "C" else "�" for char in seen)
    return f"`{plain[:_SAID]}…`" if len(plain) > _SAID else f"`{plain}`"
