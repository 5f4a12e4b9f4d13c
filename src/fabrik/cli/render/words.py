"""Small things that are said in several places. Pure."""

from __future__ import annotations


def quoted(text: str) -> str:
    """A word as a shell takes it."""
    safe = text and all(char.isalnum() or char in "/._-+@:~" for char in text)
    return text if safe else "'" + text.replace("'", "'\\''") + "'"


def plural(number: int, one: str) -> str:
    """ "1 finding", "3 findings"."""
    return f"{number:,} {one}{'s' * (number != 1)}"
