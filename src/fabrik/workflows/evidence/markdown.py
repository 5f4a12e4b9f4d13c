"""Markdown from texts that others wrote: nothing in them can break out of its place. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def inline(text: str | None) -> str:
    """Text from outside on one line, without markup that could break out of it."""
    flat = " ".join((text or "").split())
    for character in "\\|<>[]`*_":
        flat = flat.replace(character, "\\" + character)
    return "".join(c for c in flat if c.isprintable())


def code(text: str) -> str:
    """Text from outside between backticks."""
    flat = " ".join(text.split()).replace("`", "'").replace("|", "\\|")
    return "`" + "".join(c for c in flat if c.isprintable()) + "`"


def block(text: str, most_lines: int) -> str:
    """The last lines of a text as a block of code."""
    return "\n".join("    " + line for line in text.splitlines()[-most_lines:])


def bullets(lines: Sequence[str], most: int) -> str:
    """A list, cut with a count; the lines are Markdown already."""
    shown = [f"- {line}" for line in lines[:most]]
    if left := len(lines) - len(shown):
        shown.append(f"- and {left:,} more")
    return "\n".join(shown)
