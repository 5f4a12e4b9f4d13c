"""Lists of words as one pattern, so that they can be read."""

from __future__ import annotations

import re


def words(listed: str, *, where: str = r"\b(?:{})\b") -> re.Pattern[str]:
    """A pattern for any of the words, whatever their case.

    listed: patterns between white space, in which `_` stands for white space. where: what must stand around
    them, with `{}` for the words.
    """
    return re.compile(where.replace("{}", alternatives(listed)), re.IGNORECASE)


def alternatives(listed: str) -> str:
    """The words as alternatives of a pattern, without a group around them."""
    return "|".join(word.replace("_", r"\s+") for word in listed.split())
