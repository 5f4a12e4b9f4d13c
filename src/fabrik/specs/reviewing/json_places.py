"""On which line of a JSON text each value stands. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

Path = tuple[str | int, ...]

_SPACE = " \t\n\r"
_DECODER = json.JSONDecoder()


def lines_of(text: str) -> dict[Path, int]:
    """The line of every value, counted from 1, by its path. The text is valid JSON."""
    return {path: text.count("\n", 0, start) + 1 for path, start in _values(text, 0, ())[0]}


def _values(text: str, at: int, path: Path) -> tuple[list[tuple[Path, int]], int]:
    """Every value in the value that starts at a place, and where it ends."""
    at = _skip(text, at)
    found: list[tuple[Path, int]] = [(path, at)]
    opening = text[at]
    if opening == '"':
        return found, _string(text, at)[1]
    if opening not in "[{":
        return found, _DECODER.raw_decode(text, at)[1]
    closing = "]" if opening == "[" else "}"
    at, index = _skip(text, at + 1), 0
    while text[at] != closing:
        key: str | int = index
        if opening == "{":
            key, at = _string(text, at)
            at = _skip(text, at) + 1  # the colon
        inner, at = _values(text, at, (*path, key))
        found += inner
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
        index += 1
    return found, at + 1


def _string(text: str, at: int) -> tuple[str, int]:
    """The text in quotes that starts at a place, and where it ends."""
    value, end = _DECODER.raw_decode(text, at)
    return str(value), end


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def texts_at(values: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of a list of texts, with its path."""
    if isinstance(values, list):
        for index, value in enumerate(values):
            if isinstance(value, str) and value.strip():
                yield (*path, index), value
